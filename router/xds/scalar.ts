/** Envoy's durations, fractions and wrapped numbers as the table has them. Imports the table's types. */
import type { Duration } from '@bufbuild/protobuf/wkt';
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
} from '../../gen/envoy/type/v3/percent_pb.ts';
import type { Fraction } from '../table/route-table.ts';

/** Milliseconds, fractions of one kept. */
export function millisecondsOf({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1000 + nanos / 1_000_000;
}

/** Whole milliseconds; 0 where there is no duration. */
export function wholeMillisecondsOf(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Math.trunc(millisecondsOf(duration));
}

/** A chance; `absent` where Envoy has none. */
export function fractionOf(percent: FractionalPercent | undefined, absent: Fraction): Fraction {
  if (!percent) return absent;
  return { numerator: percent.numerator, denominator: DENOMINATOR.get(percent.denominator) ?? 100 };
}

const DENOMINATOR: ReadonlyMap<FractionalPercent_DenominatorType, number> = new Map([
  [FractionalPercent_DenominatorType.HUNDRED, 100],
  [FractionalPercent_DenominatorType.TEN_THOUSAND, 10_000],
  [FractionalPercent_DenominatorType.MILLION, 1_000_000],
]);
