/**
 * Generated configurations and requests, decided by real Istio with Envoy and by the router:
 *
 *     test/peer/install.sh envoy istio-oracle
 *     npx node test/conformance/record/differential.ts [--seed N] [--cases N] [--requests N]
 *
 * Each difference is printed with its request, and the folder to which the case is written. What Istio refuses of a
 * configuration is left out of it; cases of which pilot makes now this and now that are skipped. The last line is
 * `N passed, N failed, N skipped`, of cases.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile } from '../../../router/index.ts';
import { findPeer } from '../../peer/find.ts';
import { formatDifference } from '../compare.ts';
import { runRouterCase } from '../router-mode.ts';
import { runTableCase } from '../table-mode.ts';
import { caseOf } from '../world.ts';
import { type GeneratedCase, generate, yamlOf } from './generate/index.ts';
import type { Spec } from './generate/rule.ts';
import { type Pilot, startPilot } from './pilot.ts';
import { type CaseToRecord, type Recording, record } from './record.ts';

/** So many cases share one Envoy. */
const TOGETHER = 30;
/** As often is asked: of two services in a map of some, Go may have the second first once in eight times. */
const DRAWS = 60;

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      cases: { type: 'string', default: '300' },
      requests: { type: 'string', default: '25' },
    },
  });
  const [envoy, oracle] = [findPeer('envoy'), findPeer('istio-oracle')];
  if (!envoy || !oracle) {
    console.error('It needs both of test/peer/install.sh envoy istio-oracle');
    return 2;
  }
  const pilot = startPilot(oracle);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const all = generate(Number(values.seed), Number(values.cases), Number(values.requests));
  for (let at = 0; at < all.length; at += TOGETHER) {
    const cases: CaseToRecord[] = [];
    for (const each of all.slice(at, at + TOGETHER)) cases.push(await toRecord(each, pilot));
    const recordings = await recordApart(cases, pilot, envoy);
    for (const [index, { name, error, expected, envoy: made, endpoints }] of recordings.entries()) {
      const { yaml, world } = cases[index]!;
      if (error !== undefined) {
        counts.skipped++;
        console.log(`${name} skipped: ${error}`);
      } else {
        const recorded = caseOf(name, yaml, world as never, expected);
        const { table } = compile(recorded.resources, recorded.options);
        const differences = [...runTableCase(table, made, endpoints), ...runRouterCase(recorded)];
        if (differences.length > 0 && (await isChance(cases[index]!, pilot))) {
          counts.skipped++;
          console.log(`${name} skipped: pilot does not make the same of it each time`);
          continue;
        }
        counts[differences.length > 0 ? 'failed' : 'passed']++;
        for (const each of differences) {
          const request = world.requests.find(({ id }) => id === each.request);
          console.log(`${name} ${formatDifference(each)}${request ? `\n  ${JSON.stringify(request)}` : ''}`);
        }
        if (differences.length > 0) console.log(`${name} is in ${keep(cases[index]!)}`);
      }
    }
  }
  pilot.close();
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 ? 1 : 0;
}

/** As {@link record}; where Envoy does not start with all of them, the cases that it refuses have an `error`. */
async function recordApart(
  cases: readonly CaseToRecord[],
  pilot: Pilot,
  envoy: string,
): Promise<Recording[]> {
  try {
    return await record(cases, pilot, envoy);
  } catch (error) {
    if (cases.length === 1) return [{ name: cases[0]!.name, error: String(error) }];
    const half = Math.ceil(cases.length / 2);
    return [
      ...(await recordApart(cases.slice(0, half), pilot, envoy)),
      ...(await recordApart(cases.slice(half), pilot, envoy)),
    ];
  }
}

/** What Istio takes of a case; of a VirtualService that it refuses, the rules that it takes alone. */
async function toRecord({ name, documents, world }: GeneratedCase, pilot: Pilot): Promise<CaseToRecord> {
  const isValid = async (each: Spec) => (await pilot.validate(yamlOf([each])))[0]?.valid === true;
  const taken = [];
  for (const each of documents) {
    if (await isValid(each)) {
      taken.push(each);
      continue;
    }
    const http = [];
    for (const rule of each.spec.http ?? []) {
      if (await isValid({ ...each, spec: { ...each.spec, http: [rule] } })) http.push(rule);
    }
    const rest = { ...each, spec: { ...each.spec, http } };
    if (http.length > 0 && (await isValid(rest))) taken.push(rest);
  }
  return { name, yaml: yamlOf(taken), world };
}

/** Services of one name and age are in an order that changes from one time to the next. */
async function isChance({ yaml, world }: CaseToRecord, pilot: Pilot): Promise<boolean> {
  const made = new Set<string>();
  for (let again = 0; again < DRAWS; again++) {
    const { routes, clusters, endpoints } = await pilot.generate(yaml, world);
    const listed = clusters.map(({ name, type, lbPolicy }) => `${name} ${type} ${lbPolicy}`).sort();
    const sorted = Object.entries(endpoints).map(([name, each]) => `${name} ${[...each].sort()}`);
    made.add(JSON.stringify([routes, listed, sorted.sort()]));
  }
  return made.size > 1;
}

/** Writes the case down; the path of its folder. */
function keep({ name, yaml, world }: CaseToRecord): string {
  const folder = join(tmpdir(), 'pointsman-differential', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.yaml'), yaml);
  writeFileSync(join(folder, 'case.json'), `${JSON.stringify(world, null, 1)}\n`);
  return folder;
}
