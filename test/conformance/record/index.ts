/**
 * Records cases anew from real Istio and Envoy: for each folder of DIR with `case.json` and `config.yaml` writes
 * `expected.json` and `envoy.json`. What two recordings do not agree on goes into `varies`.
 *
 *     test/peer/install.sh envoy istio-oracle
 *     npx node test/conformance/record/index.ts --cases DIR [--filter TEXT] [--check]
 *
 * With `--check` nothing is written: each decision that is not as recorded is printed, and the last line is
 * `N passed, N failed, N skipped`. Requests with `repeat` are counts of chance, which this program does not
 * make: their cases are skipped. Exit 0: done, 1: a difference or a case that cannot be recorded, 2: wrong use.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { findPeer } from '../../peer/find.ts';
import { caseFolders } from '../world.ts';
import { startPilot } from './pilot.ts';
import { type CaseToRecord, type Recording, record } from './record.ts';

/** So many cases share one Envoy. */
const TOGETHER = 40;

/** What `--check` compares: the decision, not which endpoint it went to or what the connection added. */
const DECIDED = [
  'status',
  'route',
  'destination',
  'cluster',
  'responseFlags',
  'responseCodeDetails',
  'error',
];

type Result = Readonly<Record<string, unknown>> & { readonly id: string };

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { cases: { type: 'string' }, filter: { type: 'string' }, check: { type: 'boolean' } },
  });
  const [envoy, oracle] = [findPeer('envoy'), findPeer('istio-oracle')];
  if (!values.cases || !envoy || !oracle) {
    console.error('Usage: npx node test/conformance/record/index.ts --cases DIR [--filter TEXT] [--check]');
    console.error('It needs both of test/peer/install.sh envoy istio-oracle');
    return 2;
  }
  const { filter, check } = values;
  const folders = caseFolders(values.cases).filter((folder) => !filter || basename(folder).includes(filter));
  const pilot = startPilot(oracle);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (let at = 0; at < folders.length; at += TOGETHER) {
    const part = folders.slice(at, at + TOGETHER).filter((folder) => {
      const repeats = readJson(join(folder, 'case.json')).requests.some((each: object) => 'repeat' in each);
      if (repeats) counts.skipped++;
      return !repeats;
    });
    const cases = part.map(readCaseToRecord);
    const recordings = await record(cases, pilot, envoy);
    const again = check ? recordings : await record(cases, pilot, envoy);
    for (const [index, recording] of recordings.entries()) {
      const problems = check
        ? differences(part[index]!, recording)
        : keep(part[index]!, recording, again[index]!);
      if (problems.length > 0) console.log(`FAIL ${recording.name}\n  ${problems.join('\n  ')}`);
      counts[problems.length > 0 ? 'failed' : 'passed']++;
    }
  }
  pilot.close();
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 ? 1 : 0;
}

function readCaseToRecord(folder: string): CaseToRecord {
  return {
    name: basename(folder),
    yaml: readFileSync(join(folder, 'config.yaml'), 'utf8'),
    world: readJson(join(folder, 'case.json')),
  };
}

function keep(folder: string, { error, expected, envoy }: Recording, again: Recording): string[] {
  if (error !== undefined) return [error];
  const varies: Record<string, string[]> = {};
  for (const [index, one] of (expected.results as Result[]).entries()) {
    const fields = unlike(one, again.expected?.results[index] ?? {});
    if (fields.length > 0) varies[one.id] = fields;
  }
  const written = Object.keys(varies).length > 0 ? { ...expected, varies } : expected;
  writeFileSync(join(folder, 'expected.json'), `${JSON.stringify(written, null, 1)}\n`);
  writeFileSync(join(folder, 'envoy.json'), `${JSON.stringify(envoy, null, 1)}\n`);
  return [];
}

function differences(folder: string, { error, expected }: Recording): string[] {
  if (error !== undefined) return [error];
  const recorded = readJson(join(folder, 'expected.json'));
  return (recorded.results as Result[]).flatMap((want, index) => {
    const got: Result = expected.results[index];
    const varies: string[] = recorded.varies?.[want.id] ?? [];
    return unlike(want, got)
      .filter((field) => DECIDED.includes(field) && !varies.includes(field))
      .map(
        (field) =>
          `${want.id} ${field}: want ${JSON.stringify(want[field])}, got ${JSON.stringify(got[field])}`,
      );
  });
}

function unlike(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => !isDeepStrictEqual(one[name], other[name]));
}

// biome-ignore lint/suspicious/noExplicitAny: a file's JSON
function readJson(path: string): any {
  return JSON.parse(readFileSync(path, 'utf8'));
}
