/** An access log held against two tables: how many of its requests fare otherwise. Imports the workbench. */
import { type AccessLogFormat, readLogLine } from '../access-log.ts';
import { createReplayJudge } from './replay-judge.ts';
import type { ReplayTables } from './replay-table.ts';

/** What became of the lines so far. */
export interface ReplayReport {
  /** Requests that were read. */
  readonly requests: number;
  /** How many of them are expected to fare otherwise; a share of a split counts as that much of a request. */
  readonly moved: number;
  readonly moves: readonly ReplayMove[];
  /** Lines that are no access log. */
  readonly broken: number;
  /** The first of them, 1-based. */
  readonly brokenLines: readonly number[];
  /** Lines by what they were read as. */
  readonly formats: Readonly<Partial<Record<AccessLogFormat, number>>>;
}

/** Requests that fare otherwise in one way. */
export interface ReplayMove {
  /** `shop v1 → shop v2`, `timeout: none → 5000 ms`. */
  readonly what: string;
  readonly requests: number;
}

/** Counts lines. */
export interface Replay {
  add(line: string): void;
  report(): ReplayReport;
}

const MAX_BROKEN_LISTED = 5;

/** A replay of lines on both sides. */
export function createReplay(tables: ReplayTables): Replay {
  const judge = createReplayJudge(tables);
  const counts = new Map<string, number>();
  const formats: Partial<Record<AccessLogFormat, number>> = {};
  const brokenLines: number[] = [];
  let [lines, requests, moved, broken] = [0, 0, 0, 0];
  return {
    add(line) {
      lines++;
      if (line.trim() === '') return;
      const read = readLogLine(line);
      if (read === undefined) {
        broken++;
        if (brokenLines.length < MAX_BROKEN_LISTED) brokenLines.push(lines);
        return;
      }
      requests++;
      formats[read.format] = (formats[read.format] ?? 0) + 1;
      let percentMoved = 0;
      for (const { what, percent } of judge(read.request)) {
        counts.set(what, (counts.get(what) ?? 0) + percent / 100);
        percentMoved += percent;
      }
      moved += Math.min(100, percentMoved) / 100;
    },
    report: () => ({
      requests,
      moved,
      moves: [...counts]
        .map(([what, count]) => ({ what, requests: count }))
        .sort((a, b) => b.requests - a.requests),
      broken,
      brokenLines,
      formats,
    }),
  };
}

/** The report in words. */
export function replayText({ requests, moved, moves, broken, brokenLines }: ReplayReport): string {
  const share = requests === 0 ? 0 : (100 * moved) / requests;
  const lines = [`of ${requests} logged requests ${rounded(moved)} move (${rounded(share)} %)`];
  for (const move of moves) lines.push(`  ${rounded(move.requests)}  ${move.what}`);
  if (broken > 0) {
    const more = broken > brokenLines.length ? ', …' : '';
    const what =
      broken === 1 ? '1 line is no access log and was' : `${broken} lines are no access log and were`;
    lines.push(`  ${what} left out (line ${brokenLines.join(', ')}${more})`);
  }
  return lines.join('\n');
}

const rounded = (number: number): number => Number(number.toFixed(1));
