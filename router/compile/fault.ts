/** HTTPFaultInjection and percentages -> fault policy and fractions. Imports schema types and the table's. */
import { durationMs } from '../schema/duration.ts';
import { GRPC_STATUSES } from '../schema/grpc-status.ts';
import type { HTTPFaultInjection } from '../schema/virtual-service.ts';
import type { FaultPolicy, Fraction } from '../table/route-table.ts';

/**
 * A percentage as Envoy draws it: in millionths, what is finer is cut off. What is no number is never drawn, as Go
 * makes it 0.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (translatePercentToFractionalPercent).
 */
export function fractionOf(percent: number): Fraction {
  return { numerator: Math.max(0, Math.trunc(percent * 10_000) || 0), denominator: 1_000_000 };
}

/** A whole percentage. */
export function wholePercent(percent: number): Fraction {
  return { numerator: Math.max(0, percent), denominator: 100 };
}

/**
 * The faults of a rule; absent when it has none that can be injected. A delay without a percentage is never
 * drawn, nor is such an abort.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (TranslateFault).
 */
export function compileFault(fault: HTTPFaultInjection | undefined): FaultPolicy | undefined {
  if (!fault) return undefined;
  const { delay, abort } = fault;
  const delayMs = durationMs(delay?.fixedDelay);
  const status = abortStatus(abort);
  const policy: FaultPolicy = {
    ...(delay &&
      delayMs !== undefined && {
        delay: {
          fraction: delay.percentage
            ? fractionOf(delay.percentage.value ?? 0)
            : wholePercent(delay.percent ?? 0),
          delayMs: Math.trunc(delayMs),
        },
      }),
    ...(abort && status && { abort: { fraction: fractionOf(abort.percentage?.value ?? 0), status } }),
  };
  return policy.delay || policy.abort ? policy : undefined;
}

type Abort = NonNullable<FaultPolicy['abort']>['status'];

function abortStatus(abort: HTTPFaultInjection['abort']): Abort | undefined {
  if (abort?.httpStatus !== undefined) return { httpStatus: abort.httpStatus };
  const code = GRPC_STATUSES.indexOf(abort?.grpcStatus ?? '');
  return code === -1 ? undefined : { grpcStatus: code };
}
