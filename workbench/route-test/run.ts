/** Runs route tests against rules. Imports the workbench's tables and trials. */
import type { RouteRequest } from '../../router/index.ts';
import { gatewayOf } from '../assumed-gateway.ts';
import type { Client } from '../client.ts';
import { createTry } from '../client-trial.ts';
import type { RuleSet } from '../rule-set.ts';
import { type Coverage, createCoverage } from './coverage.ts';
import { type Mismatch, mismatchesOf } from './expectation.ts';
import type { RouteTest } from './read.ts';
import type { ValidatorCase } from './validator-case.ts';
import { runValidatorCases } from './validator-run.ts';

/** What became of one request of a test. */
export interface CaseResult {
  readonly name: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly request: RouteRequest;
  readonly client: Client;
  /** Empty: it passed. */
  readonly mismatches: readonly Mismatch[];
  /** Of a case for istio-config-validator, where that tool would have said the opposite: why it is wrong. */
  readonly validator?: string;
}

/** What became of all tests. */
export interface TestReport {
  readonly results: readonly CaseResult[];
  readonly coverage: Coverage;
}

/** Runs the tests, each request of each, in their order. */
export function runRouteTests(
  rules: RuleSet,
  tests: readonly RouteTest[],
  cases: readonly ValidatorCase[] = [],
): TestReport {
  const coverage = createCoverage(rules);
  const attempt = createTry(rules);
  const results: CaseResult[] = [];
  for (const { name, file, line, requests, expect } of tests) {
    for (const { request, client } of requests) {
      const result = { name, file, line, request, client };
      const lost = astray(rules, request, client);
      if (lost) {
        results.push({ ...result, mismatches: [lost] });
        continue;
      }
      const trial = attempt(request, client);
      coverage.note(trial, expect);
      results.push({ ...result, mismatches: mismatchesOf(trial, expect) });
    }
  }
  results.push(...runValidatorCases(rules, cases, attempt, coverage));
  return { results, coverage: coverage.report() };
}

/** Why the request gets nowhere, whatever the rules: its gateway is none of theirs, or serves nothing at its port. */
function astray({ resources }: RuleSet, { port }: RouteRequest, client: Client): Mismatch | undefined {
  if (client.gateway === undefined) return undefined;
  const state = gatewayOf(resources, client, [port]);
  if (state.kind === 'unknown') {
    const known =
      state.others.length === 0 ? 'one that rules are bound to' : `one of ${state.others.join(', ')}`;
    return { field: 'request.from.gateway', want: known, got: state.name };
  }
  if (state.kind === 'assumed' || state.name === 'mesh' || state.ports.includes(port)) return undefined;
  const served = state.ports.length === 0 ? 'none' : state.ports.join(', ');
  return {
    field: 'request.port',
    want: `one that gateway ${state.name} serves (${served})`,
    got: String(port),
  };
}
