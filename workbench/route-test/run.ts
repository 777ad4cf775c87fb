/** Runs route tests against rules. Imports the workbench's tables and trials. */
import type { RouteRequest } from '../../router/index.ts';
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
      const trial = attempt(request, client);
      coverage.note(trial, expect);
      results.push({ name, file, line, request, client, mismatches: mismatchesOf(trial, expect) });
    }
  }
  results.push(...runValidatorCases(rules, cases, attempt, coverage));
  return { results, coverage: coverage.report() };
}
