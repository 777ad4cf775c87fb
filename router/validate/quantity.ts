/**
 * Numbers with a meaning: durations, ports, percentages, statuses, weights. Each rule reports at its place.
 * Imports the duration grammar and the place.
 * Source: istio/istio pkg/config/validation/agent/validation.go, pkg/config/validation/validation.go
 */
import { parseDuration } from '../schema/duration.ts';
import { quote, type Spot } from './spot.ts';

const MILLISECOND = 1_000_000n;

/** Reports a duration below or finer than a millisecond. Source: agent.ValidateDuration */
export function checkDuration(text: string | undefined, here: Spot): void {
  const length = text === undefined ? undefined : parseDuration(text);
  if (length === undefined) return;
  if (length < MILLISECOND)
    here.error('bad-duration', `Cannot use ${quote(text!)} in ${here}: the least is 1ms`);
  else if (length % MILLISECOND !== 0n)
    here.error('bad-duration', `Cannot use ${quote(text!)} in ${here}: whole milliseconds only`);
}

/** Reports a port outside 1 to 65535. */
export function checkPort(port: number, here: Spot): void {
  if (port < 1 || port > 65535)
    here.error('port', `Cannot use ${port} as port in ${here}: the range is 1 to 65535`);
}

/** Reports a whole percentage outside 0 to 100. */
export function checkPercent(value: number | undefined, here: Spot): void {
  if (value !== undefined && (value < 0 || value > 100))
    here.error('percentage', `Cannot use ${value} in ${here}: the range is 0 to 100`);
}

/** Reports a share of requests outside 0 to 100, or too small for Envoy to count. */
export function checkShare(value: number | undefined, here: Spot): void {
  if (value === undefined || !(value < 0 || value > 100 || (value > 0 && value < 0.0001))) return;
  here.error('percentage', `Cannot use ${value} percent in ${here}: write 0, or 0.0001 to 100`);
}

/** Reports a share of mirrored requests outside 0 to 100. */
export function checkMirrorShare(value: number | undefined, here: Spot): void {
  if (value !== undefined && (value > 100 || value < 0))
    here.error('percentage', `Cannot mirror ${value} percent in ${here}: the range is 0 to 100`);
}

/** Reports a status that Istio does not let a rule answer with; it takes 600 too. */
export function checkHttpStatus(status: number, here: Spot): void {
  if (status < 200 || status > 600)
    here.error('http-status', `Cannot answer with status ${status} in ${here}: the range is 200 to 599`);
}

/** Reports a number below zero. */
export function checkNotNegative(
  value: number | undefined,
  here: Spot,
  code: 'connection-pool' | 'weight',
): void {
  if (value !== undefined && value < 0)
    here.error(code, `Cannot use ${value} in ${here}: it must not be negative`);
}

/** Reports weights of several destinations whose sum, in Istio's 32 bits, is zero. */
export function checkWeightSum(
  destinations: readonly { readonly weight?: number | undefined }[],
  here: Spot,
): void {
  const sum = destinations.reduce((total, { weight }) => (total + (weight ?? 0)) | 0, 0);
  if (destinations.length > 1 && sum === 0)
    here.error(
      'weight-sum',
      `Cannot split traffic in ${here}: total weight is 0, give each destination a weight`,
    );
}
