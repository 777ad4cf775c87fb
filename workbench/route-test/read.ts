/** Files of route tests to tests, and what is wrong with them. Imports the router's reader of YAML. */
import type { z } from 'zod';
import type { FieldPath, Issue, IssueCode, RouteRequest } from '../../router/index.ts';
import type { YamlDocument } from '../../router/parse/document.ts';
import { nearest } from '../../router/parse/suggestion.ts';
import type { Client } from '../client.ts';
import { METHOD, toRouteRequest } from '../written-request.ts';
import { type Expectation, type RequestSpec, routeTestDocument, routeTestJsonSchema } from './schema.ts';

/** One test: some requests that are expected to fare alike. */
export interface RouteTest {
  readonly name: string;
  readonly file: string;
  /** 1-based, of the test's name. */
  readonly line: number;
  readonly requests: readonly TestRequest[];
  readonly expect: Expectation;
}

/** A request with who sends it. */
export interface TestRequest {
  readonly request: RouteRequest;
  readonly client: Client;
}

/** The tests of a document, or why it has none. */
export function readRouteTests(document: YamlDocument): { tests: RouteTest[]; issues: Issue[] } {
  const { value, source } = document;
  if (document.issues.length > 0) return { tests: [], issues: [...document.issues] };
  const issues: Issue[] = [];
  const report = (code: IssueCode, path: FieldPath, message: string, part?: 'key' | 'value'): void => {
    const { line, column } = source.position(path, part);
    const excerpt = source.line(line);
    issues.push({ code, severity: 'error', message, file: source.file, line, column, path, excerpt });
  };
  const parsed = routeTestDocument.safeParse(value);
  if (!parsed.success) {
    for (const problem of parsed.error.issues) reportProblem(problem, [], value, report);
    return { tests: [], issues: issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
  }
  const { request: base, tests } = parsed.data;
  const read = tests.map(({ name, request, requests, expect }, index): RouteTest => {
    const rows = (requests ?? [{}]).map((row, at) => ({
      spec: joined(joined(base ?? {}, request ?? {}), row),
      path: ['tests', index, ...(requests ? ['requests', at] : request ? ['request'] : [])] as FieldPath,
    }));
    const found = rows.flatMap(({ spec, path }): TestRequest[] => {
      if (spec.method !== undefined && !METHOD.test(spec.method)) {
        const message = `Cannot read the method ${JSON.stringify(spec.method)}: write it like POST`;
        report('wrong-type', [...path, 'method'], message);
        return [];
      }
      const made = requestOf(spec);
      if (made !== undefined) return [made];
      if (spec.url === undefined)
        report('missing-field', path, 'Cannot test without a URL: give request a url like http://HOST/PATH');
      else
        report(
          'wrong-type',
          [...path, 'url'],
          `Cannot read the URL ${JSON.stringify(spec.url)}: write it like http://HOST:PORT/PATH`,
        );
      return [];
    });
    for (const path of comparingNothing(expect, ['tests', index, 'expect']))
      report(
        'missing-field',
        path,
        'Nothing is compared by this, so that it cannot fail: name what is expected, for example subset: v2',
      );
    const { line } = source.position(['tests', index]);
    return { name, file: source.file, line, requests: found, expect };
  });
  return issues.length > 0 ? { tests: [], issues } : { tests: read, issues };
}

/** The places of an expectation that name nothing. */
function* comparingNothing(value: unknown, path: FieldPath): Generator<FieldPath> {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  // A tolerance of nothing compares nothing either.
  if (entries.every(([name]) => name === 'tolerance' && path.length === 3)) yield path;
  for (const [name, each] of entries)
    yield* comparingNothing(each, [...path, Array.isArray(value) ? Number(name) : name]);
}

/** What the inner one leaves out is the outer one's; headers are joined by name. */
function joined(outer: RequestSpec, inner: RequestSpec): RequestSpec {
  const headers = { ...outer.headers, ...inner.headers };
  return { ...outer, ...inner, ...(Object.keys(headers).length > 0 && { headers }) };
}

function requestOf({
  url,
  method = 'GET',
  headers = {},
  port,
  from = {},
}: RequestSpec): TestRequest | undefined {
  if (url === undefined) return undefined;
  const list = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => [name.toLowerCase(), String(value)] as const),
  );
  const request = toRouteRequest({ url, method, headers: list }, port);
  if (request === undefined) return undefined;
  const { namespace, labels, gateway } = from;
  return {
    request,
    client: {
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels: Object.fromEntries(Object.entries(labels).map(([k, v]) => [k, String(v)])) }),
      ...(gateway !== undefined && { gateway }),
    },
  };
}

type Report = (code: IssueCode, path: FieldPath, message: string, part?: 'key' | 'value') => void;
type Problem = z.core.$ZodIssue;

function reportProblem(problem: Problem, base: FieldPath, value: unknown, report: Report): void {
  const path: FieldPath = [...base, ...(problem.path as FieldPath)];
  if (problem.code === 'unrecognized_keys') {
    const known = fieldsAt(path);
    for (const key of problem.keys) {
      const meant = nearest(key, known);
      const advice =
        meant !== undefined
          ? `did you mean ${JSON.stringify(meant)}?`
          : `the fields here are ${known.join(', ')}`;
      report('unknown-field', [...path, key], `Unknown field ${JSON.stringify(key)}: ${advice}`, 'key');
    }
    return;
  }
  if (problem.code === 'invalid_union') {
    // The variant that the writer had in mind is the one whose outermost type fits.
    const meant = problem.errors.find((errors) =>
      errors.every((each) => each.path.length > 0 || each.code === 'unrecognized_keys'),
    );
    if (meant) {
      for (const each of meant) reportProblem(each, path, value, report);
      return;
    }
  }
  if (problem.code === 'invalid_type' && valueAt(value, path) === undefined) {
    const field = path.at(-1);
    report(
      'missing-field',
      path.slice(0, -1),
      `The field ${JSON.stringify(field)} is missing: ${problem.expected} expected`,
    );
    return;
  }
  const message = problem.message.replace(/^Invalid input: e/, 'E').replace(/, received .*$/, '');
  const code = problem.code === 'too_big' || problem.code === 'too_small' ? 'out-of-range' : 'wrong-type';
  report(code, path, message, 'value');
}

function valueAt(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], value);
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
}

/** The names of the fields that the format has at a place. */
function fieldsAt(path: FieldPath): string[] {
  let at: JsonSchema[] = [routeTestJsonSchema() as JsonSchema];
  const open = (schema: JsonSchema): JsonSchema[] => [schema, ...(schema.anyOf ?? []).flatMap(open)];
  for (const step of path) {
    at = at.flatMap(open).flatMap((schema) => {
      const next = typeof step === 'number' ? schema.items : schema.properties?.[step];
      return next ? [next] : [];
    });
  }
  return at.flatMap(open).flatMap(({ properties = {} }) => Object.keys(properties));
}
