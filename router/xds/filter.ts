/** What routes say for Envoy's cors and fault filters -> the table's policies. Imports the generated messages and the table's types. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  type CorsPolicy as CorsPolicyMessage,
  CorsPolicySchema,
} from '../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import {
  type FaultAbort,
  type HTTPFault,
  HTTPFaultSchema,
} from '../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts';
import { byteText } from '../table/byte-text.ts';
import type { CorsPolicy, FaultPolicy } from '../table/route-table.ts';
import { readString } from './match.ts';
import { within, XdsRefusal } from './refusal.ts';
import { fractionOf, millisecondsOf } from './scalar.ts';

/** A route's settings by the filter's name. */
export type FilterConfig = Readonly<Record<string, Any>>;

/** The route's cors and fault; other filters are not run here, and what is said for them is passed over. */
export function readFilters(config: FilterConfig): { cors?: CorsPolicy; fault?: FaultPolicy } {
  const cors = config['envoy.filters.http.cors'];
  const fault = config['envoy.filters.http.fault'];
  const faultPolicy = fault && within('fault', () => readFault(unpack(fault, HTTPFaultSchema)));
  return {
    ...(cors && { cors: within('cors', () => readCors(unpack(cors, CorsPolicySchema))) }),
    ...(faultPolicy && { fault: faultPolicy }),
  };
}

/** The message inside. Throws an {@link XdsRefusal} when it is another one. */
export function unpack<Schema extends DescMessage>(any: Any, schema: Schema): MessageShape<Schema> {
  const message = anyUnpack(any, schema);
  if (!message) throw new XdsRefusal(`it is a ${any.typeUrl}, not a ${schema.typeName}`);
  return message;
}

function readCors(cors: CorsPolicyMessage): CorsPolicy {
  return {
    allowOrigins: cors.allowOriginStringMatch.map(readString),
    allowMethods: byteText(cors.allowMethods),
    allowHeaders: byteText(cors.allowHeaders),
    exposeHeaders: byteText(cors.exposeHeaders),
    ...(cors.maxAge && { maxAge: cors.maxAge }),
    ...(cors.allowCredentials !== undefined && { allowCredentials: cors.allowCredentials }),
    forwardUnmatchedPreflights: cors.forwardNotMatchingPreflights ?? true,
  };
}

const NEVER = { numerator: 0, denominator: 1_000_000 };

function readFault({ delay, abort }: HTTPFault): FaultPolicy | undefined {
  const fixedDelay = delay?.faultDelaySecifier.value;
  const status = abort && abortStatus(abort);
  const policy: FaultPolicy = {
    ...(delay &&
      fixedDelay && {
        delay: {
          fraction: fractionOf(delay.percentage, NEVER),
          delayMs: Math.trunc(millisecondsOf(fixedDelay)),
        },
      }),
    ...(abort && status && { abort: { fraction: fractionOf(abort.percentage, NEVER), status } }),
  };
  return policy.delay || policy.abort ? policy : undefined;
}

function abortStatus({ errorType }: FaultAbort): NonNullable<FaultPolicy['abort']>['status'] | undefined {
  switch (errorType.case) {
    case 'httpStatus':
      return { httpStatus: errorType.value };
    case 'grpcStatus':
      return { grpcStatus: errorType.value };
    default:
      return undefined;
  }
}
