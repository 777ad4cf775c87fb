/** Rules for tests of the difference, and what it says of them. */
import assert from 'node:assert/strict';
import { parse, type ValidResource, validate } from '../../../router/index.ts';
import { type DiffOptions, diffRules } from '../../../workbench/diff/index.ts';

/** The resources of a text that has no errors. */
export function rules(text: string): readonly ValidResource[] {
  const { resources, issues } = validate(parse(text).resources);
  assert.deepEqual(
    issues.filter(({ severity }) => severity === 'error'),
    [],
  );
  return resources;
}

/** One for the host `shop` with these rules. */
export function virtualService(http: string, rest = ''): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec: { hosts: [shop], ${rest} http: [${http}] }
`;
}

/** A rule that sends all to the subset. */
export const to = (subset: string, more = '') =>
  `{ ${more} route: [{ destination: { host: shop, subset: ${subset} } }] }`;
/** A rule that shares requests out. */
export const split = (v1: number, v2: number) =>
  `{ route: [{ destination: { host: shop, subset: v1 }, weight: ${v1} }, { destination: { host: shop, subset: v2 }, weight: ${v2} }] }`;

/** Each move as one line: conditions, effects, example. */
export function movesOf(before: string, after: string, options?: DiffOptions): string[] {
  const diff = diffRules(rules(before), rules(after), options);
  assert.deepEqual(diff.unknown, []);
  return diff.moves.map(({ conditions, flows, changes, percent, example }) =>
    [
      conditions.join(' and '),
      ...flows.map(({ from, to, percent: part }) => `${Number(part.toFixed(2))} % ${from} -> ${to}`),
      ...changes.map(({ name, from, to }) => `${name} ${from} -> ${to}`),
      `${Number(percent.toFixed(2))} %`,
      example?.curl ?? '',
    ].join(' | '),
  );
}
