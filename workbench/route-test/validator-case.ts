/**
 * Test cases written for istio-config-validator, read as they are. Imports the router's reader of YAML.
 *
 * Source: github.com/getyourguide/istio-config-validator `internal/pkg/parser/testcase.go`.
 */
import type { FieldPath, Issue } from '../../router/index.ts';
import type { YamlDocument } from '../../router/parse/document.ts';
import { isFields } from '../../router/parse/resource.ts';
import { nearest } from '../../router/parse/suggestion.ts';
import { SPEC_SCHEMAS } from '../../router/schema/kind.ts';
import type { HTTPRoute } from '../../router/schema/virtual-service.ts';

/** One of a file's `testCases`. */
export interface ValidatorCase {
  readonly description: string;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly wantMatch: boolean;
  /** All that its lists unfold to. */
  readonly inputs: readonly Input[];
  /** The fields of a rule that are compared, canonical. */
  readonly expected: Pick<HTTPRoute, ComparedField>;
}

/** A request as the tool has it. */
export interface Input {
  readonly authority: string;
  readonly method: string;
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Fields of a rule that a case can ask for. */
export const COMPARED = ['route', 'redirect', 'rewrite', 'fault', 'headers', 'delegate'] as const;
type ComparedField = (typeof COMPARED)[number];
const FIELDS = ['description', 'wantMatch', 'request', ...COMPARED];
const REQUEST_FIELDS = ['authority', 'method', 'uri', 'headers'];

/** The cases of a document, or why it has none. */
export function readValidatorCases(document: YamlDocument): { cases: ValidatorCase[]; issues: Issue[] } {
  const { value, source } = document;
  const issues: Issue[] = [...document.issues];
  const report = (
    code: 'unknown-field' | 'wrong-type' | 'missing-field',
    path: FieldPath,
    message: string,
  ) => {
    const { line, column } = source.position(path);
    const excerpt = source.line(line);
    issues.push({ code, severity: 'error', message, file: source.file, line, column, path, excerpt });
  };
  const written = (value as { testCases?: unknown }).testCases;
  const list: readonly unknown[] = Array.isArray(written) ? written : [];
  const cases: ValidatorCase[] = [];
  if (list.length === 0)
    report('wrong-type', ['testCases'], 'Expected a list with a case at least: an empty one proves nothing');
  for (const [index, each] of list.entries()) {
    const path = ['testCases', index];
    if (!isFields(each)) {
      report('wrong-type', path, 'Expected a map with description, wantMatch, request and what is expected');
      continue;
    }
    const request = isFields(each['request']) ? each['request'] : {};
    reportUnknown(each, FIELDS, path, report);
    reportUnknown(request, REQUEST_FIELDS, [...path, 'request'], report);
    const lists = ['uri', 'authority', 'method'].map((field) => {
      const list = textsOf(request[field]);
      if (list.length === 0)
        report('missing-field', [...path, 'request'], `The list "${field}" is missing or empty`);
      return list;
    });
    const spec = {
      http: [Object.fromEntries(COMPARED.flatMap((field) => (field in each ? [[field, each[field]]] : [])))],
    };
    const read = SPEC_SCHEMAS.VirtualService.safeParse(spec);
    if (!read.success) {
      for (const problem of read.error.issues) {
        const place = (problem.path as FieldPath).slice(2);
        report(
          'wrong-type',
          [...path, ...place],
          `Cannot read ${place.join('.')} as VirtualServices have it`,
        );
      }
      continue;
    }
    const headers = Object.fromEntries(
      Object.entries(isFields(request['headers']) ? request['headers'] : {}).map(([name, text]) => [
        name,
        String(text),
      ]),
    );
    const [uris = [], authorities = [], methods = []] = lists;
    cases.push({
      description: String(each['description'] ?? `testCases[${index}]`),
      file: source.file,
      line: source.position(path).line,
      wantMatch: each['wantMatch'] === true,
      inputs: uris.flatMap((uri) =>
        authorities.flatMap((authority) => methods.map((method) => ({ authority, method, uri, headers }))),
      ),
      expected: read.data.http?.[0] ?? {},
    });
  }
  return { cases: issues.length > 0 ? [] : cases, issues };
}

function reportUnknown(
  fields: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: FieldPath,
  report: (code: 'unknown-field', path: FieldPath, message: string) => void,
): void {
  for (const name of Object.keys(fields)) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    const advice =
      meant === undefined ? `the fields here are ${known.join(', ')}` : `did you mean "${meant}"?`;
    report('unknown-field', [...path, name], `Unknown field "${name}": ${advice}`);
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
