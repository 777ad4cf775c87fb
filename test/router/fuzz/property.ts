/** What holds for every input, however odd: answers of the promised types, and never an exception. */
import assert from 'node:assert/strict';
import {
  type CompileOptions,
  compile,
  createReferenceRouter,
  createRouter,
  type Decision,
  explain,
  formatExplanation,
  formatIssue,
  ISSUE_CODES,
  type Issue,
  parse,
  type Random,
  type Resource,
  type RouteRequest,
  type RouteTable,
  type ValidResource,
  validate,
  verdicts,
} from '../../../router/index.ts';

/** Reads and judges a text; returns its valid resources. Throws an AssertionError where something does not hold. */
export function holdsForText(input: string | Uint8Array): readonly ValidResource[] {
  const parsed = parse(input, { file: 'fuzz.yaml' });
  checkIssues(parsed.issues, input.length);
  for (const { istio, crd } of verdicts(input, 'fuzz.yaml')) {
    checkIssues(istio.issues, input.length);
    if (istio.valid) assert.ok(istio.issues.every(({ severity }) => severity === 'warning'));
    if (crd) checkIssues(crd.issues, input.length);
  }
  return holdsForResources(parsed.resources, input.length);
}

/** Validates resources; returns those that are valid. `size` bounds how many issues are reasonable. */
export function holdsForResources(resources: readonly Resource[], size: number): readonly ValidResource[] {
  const checked = validate(resources);
  checkIssues(checked.issues, size);
  // A number that stands for no name is kept as text, which is no name either.
  const refused = validate(checked.resources).issues.filter(
    ({ severity, code }) => severity === 'error' && code !== 'unknown-value',
  );
  assert.deepEqual(refused, [], 'valid, but refused when checked again');
  return checked.resources;
}

/** Compiles valid resources; the table is data that JSON carries. */
export function holdsForTable(resources: readonly ValidResource[], options: CompileOptions): RouteTable {
  const { table, issues } = compile(resources, options);
  checkIssues(issues, Number.POSITIVE_INFINITY);
  assert.deepEqual(JSON.parse(JSON.stringify(table)), plain(table), 'a table that JSON does not carry');
  return table;
}

/** Routes requests by a table: the fast matcher, the reference and the account agree. */
export function holdsForRequests(table: RouteTable, requests: readonly RouteRequest[], random: Random): void {
  const fast = createRouter(table);
  const reference = createReferenceRouter(table);
  for (const request of requests) {
    const before = JSON.stringify(request);
    const decision = fast.route(request, () => 0);
    checkDecision(decision);
    assert.deepEqual(
      reference.route(request, () => 0),
      decision,
      'the matchers do not agree',
    );
    checkDecision(fast.route(request, random));
    const explanation = explain(table, request);
    assert.equal(typeof formatExplanation(explanation), 'string');
    for (const outcome of explanation.outcomes) checkDecision(outcome.decision);
    assert.equal(JSON.stringify(request), before, 'the request was changed');
  }
}

/** More than this for each byte would let a small text fill a log. */
const ISSUES_PER_BYTE = 1;

function checkIssues(issues: readonly Issue[], size: number): void {
  assert.ok(issues.length <= 20 + size * ISSUES_PER_BYTE, `${issues.length} issues for ${size} bytes`);
  for (const issue of issues) {
    assert.ok(Object.hasOwn(ISSUE_CODES, issue.code), `unknown code ${issue.code}`);
    assert.ok(issue.severity === 'error' || issue.severity === 'warning');
    assert.ok(
      issue.message.length > 0 && issue.message.length < 20_000,
      `message of ${issue.message.length}`,
    );
    assert.doesNotMatch(issue.message, /\[object |\bat .*\.ts:\d|(^|[^\w"])undefined([^\w"]|$)/);
    for (const place of [issue.line, issue.column])
      assert.ok(place === undefined || (Number.isInteger(place) && place > 0), `place ${place}`);
    const told = formatIssue(issue);
    // A terminal obeys control characters.
    assert.doesNotMatch(told.replaceAll('\n', ''), /\p{Cc}/u);
  }
}

function checkDecision(decision: Decision): void {
  checkHeaders(decision.kind === 'forward' ? decision.request.headers : decision.headers);
  if (decision.kind === 'forward') {
    assert.equal(typeof decision.cluster, 'string');
    assert.equal(typeof decision.request.path, 'string');
    assert.ok(decision.timeoutMs >= 0 && Number.isFinite(decision.timeoutMs));
    return;
  }
  assert.ok(Number.isInteger(decision.status) && decision.status >= 100 && decision.status < 600);
  assert.ok(typeof decision.body === 'string' || decision.body instanceof Uint8Array);
}

function checkHeaders(headers: readonly (readonly [string, string])[]): void {
  for (const header of headers)
    assert.ok(header.length === 2 && typeof header[0] === 'string' && typeof header[1] === 'string');
}

/** Without what JSON leaves out by itself: prototypes and fields that are undefined. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(kept.map(([key, field]) => [key, plain(field)]));
}
