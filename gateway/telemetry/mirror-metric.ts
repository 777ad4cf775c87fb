/** Comparisons of mirrors for Prometheus. */
import { labelText, writeNumbers } from './exposition.ts';

/** Comparisons of one cluster with one mirror. */
export interface MirrorCounters {
  readonly cluster: string;
  readonly mirror: string;
  readonly same: number;
  readonly different: number;
  readonly unknown: number;
  /** Differences by kind: `status`, `header`, `trailer`, `body`. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** `pointsman_mirror_comparisons_total` and `pointsman_mirror_differences_total`, in Prometheus' text; empty for none. */
export function exposeMirrors(mirrors: readonly MirrorCounters[]): string {
  if (mirrors.length === 0) return '';
  return [
    writeNumbers(
      'pointsman_mirror_comparisons_total',
      'counter',
      "Answers of copies that were compared with the client's: same, different, or unknown where they could not be.",
      mirrors.flatMap(({ cluster, mirror, same, different, unknown }) =>
        Object.entries({ same, different, unknown }).map(
          ([outcome, count]) => [labelText({ cluster, mirror, outcome }), count] as const,
        ),
      ),
    ),
    writeNumbers(
      'pointsman_mirror_differences_total',
      'counter',
      'Differences found, by their kind.',
      mirrors.flatMap(({ cluster, mirror, kinds }) =>
        Object.entries(kinds).map(([kind, count]) => [labelText({ cluster, mirror, kind }), count] as const),
      ),
    ),
  ].join('');
}
