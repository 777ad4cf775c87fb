/**
 * What the recorded cases prove about a field: that without it a case which passes would not, or that the table
 * made of it, which is compared with Istio's own, would be another.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, parse, type Resource, type RouteTable, type ValidResource } from '../../router/index.ts';
import { runRouterCase } from '../conformance/router-mode.ts';
import { comparableCluster } from '../conformance/table-mode.ts';
import { isValidationFolder, runValidation } from '../conformance/validation-mode.ts';
import { type Case, caseFolders, readCase } from '../conformance/world.ts';
import { type Field, withoutField } from './field.ts';

/**
 * `decided`: requests of a case go another way without the field. `compiled`: the table that is compared with
 * Istio's own changes. `data`: only what clusters are told changes, which nobody has recorded. `untested`: no
 * case that passes shows it.
 */
export interface Evidence {
  readonly kind: 'decided' | 'compiled' | 'data' | 'untested';
  /** The case that shows it; of an untested field one that has it, and is the same without. */
  readonly shownBy?: string;
  /** Recorded verdicts, all of them ours, on resources with the field, whether they were taken or refused. */
  readonly verdicts: number;
}

interface Material {
  readonly cases: readonly { readonly recorded: Case; readonly table: string; readonly data: string }[];
  readonly judged: readonly Resource[];
}

/** Reads the corpus once; what is returned tells about one field at a time. */
export function readEvidence(corpus: string): (field: Field) => Evidence {
  const material = readMaterial(corpus);
  return ({ kind, path }) => {
    const verdicts = material.judged.filter(
      (resource) => resource.kind === kind && withoutField(resource.spec, path) !== undefined,
    ).length;
    let best: Omit<Evidence, 'verdicts'> = { kind: 'untested' };
    for (const { recorded, table, data } of material.cases) {
      const resources = withoutFieldIn(recorded.resources, kind, path);
      if (resources === undefined) continue;
      const changed = { ...recorded, resources };
      if (!passes(changed)) return { kind: 'decided', shownBy: recorded.name, verdicts };
      if (best.kind === 'compiled') continue;
      const without = compile(resources, recorded.options).table;
      if (comparedPart(without) !== table) best = { kind: 'compiled', shownBy: recorded.name };
      else if (best.kind === 'untested')
        best = { kind: JSON.stringify(without) === data ? 'untested' : 'data', shownBy: recorded.name };
    }
    return { ...best, verdicts };
  };
}

function readMaterial(corpus: string): Material {
  const cases = caseFolders(join(corpus, 'cases'))
    .map(readCase)
    .filter(passes)
    .map((recorded) => {
      const { table } = compile(recorded.resources, recorded.options);
      return { recorded, table: comparedPart(table), data: JSON.stringify(table) };
    })
    // The smallest one that shows a field shows it best.
    .sort((one, other) => sizeOf(one.recorded) - sizeOf(other.recorded));
  const folder = join(corpus, 'validation');
  if (!isValidationFolder(folder)) throw new Error(`Cannot read the verdicts in ${folder}`);
  const judged = runValidation(folder)
    .filter(({ passed }) => passed)
    .flatMap(({ file }) => parse(readFileSync(join(folder, file))).resources);
  return { cases, judged };
}

/** Of the rules alone, so that the page does not follow what tables look like. */
function sizeOf({ resources }: Case): number {
  return JSON.stringify(resources.map(({ spec }) => spec)).length;
}

function withoutFieldIn(
  resources: readonly ValidResource[],
  kind: string,
  path: string,
): readonly ValidResource[] | undefined {
  let isFound = false;
  const changed = resources.map((resource) => {
    const spec = resource.kind === kind ? withoutField(resource.spec, path) : undefined;
    if (spec === undefined) return resource;
    isFound = true;
    return { ...resource, spec } as ValidResource;
  });
  return isFound ? changed : undefined;
}

/** False, too, where it cannot even be compiled: a field that is always there has been taken away. */
function passes(recorded: Case): boolean {
  try {
    return runRouterCase(recorded).length === 0;
  } catch {
    return false;
  }
}

/** What `test/conformance/table.test.ts` holds against Istio's own output. */
function comparedPart({ listeners, clusters }: RouteTable): string {
  return JSON.stringify([listeners, clusters.map(comparableCluster)], (key, value) =>
    key === 'origin' ? undefined : value,
  );
}
