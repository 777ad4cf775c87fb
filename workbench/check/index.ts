/**
 * All that can be said of some texts of rules: what Istio's own tool says of each document, what an API server
 * says, what the gateway refuses or does not route besides, and what lint finds in the rest. Imports the router
 * and what the traffic of its rules leaves out.
 */
import {
  faultsOf,
  type Issue,
  type LintOptions,
  lintReport,
  type Resource,
  validate,
} from '../../router/index.ts';
import { readDocuments, type YamlDocument } from '../../router/parse/document.ts';
import { isFields, readResources } from '../../router/parse/resource.ts';
import { type DocumentVerdict, verdict } from '../../router/verdict/index.ts';
import { unroutedOf } from '../../traffic/rule-set/limitation.ts';
import { isRouteTestDocument, isValidatorDocument } from '../route-test/document.ts';

/** Who says it: `istioctl validate`, a Kubernetes API server with Istio's definitions, the gateway, or lint. */
export type Judge = 'istio' | 'cluster' | 'pointsman' | 'lint';

/** An issue with all who say it. */
export interface JudgedIssue extends Issue {
  readonly by: readonly Judge[];
}

/** The verdicts on one YAML document; a `kind: List` is opened, and its items are judged by the gateway's rules. */
export interface JudgedDocument {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly kind: string;
  readonly name: string;
  readonly istio: {
    readonly valid: boolean;
    readonly stage?: string;
    readonly errors: number;
    readonly warnings: number;
  };
  /** Absent for what cannot be sent to one, and for kinds that it has no definition of. */
  readonly cluster?: { readonly valid: boolean; readonly errors: number };
}

/** See {@link checkTexts}. */
export interface CheckReport {
  /** How many resources the gateway takes. */
  readonly resources: number;
  readonly documents: readonly JudgedDocument[];
  /** In the order of files and places. */
  readonly issues: readonly JudgedIssue[];
  /** Of how many rules it could not be decided whether they are taken. */
  readonly undecided: number;
}

/** One file, or whatever else the text came from. */
export interface CheckedText {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** Judges the texts together, as one configuration. Never throws for bad input. */
export function checkTexts(texts: readonly CheckedText[], options: LintOptions = {}): CheckReport {
  const issues = createIssueList();
  const documents: JudgedDocument[] = [];
  const resources: Resource[] = [];
  for (const { file, bytes } of texts) {
    const read = readDocuments(bytes, file);
    issues.add('pointsman', read.issues);
    for (const document of read.documents) {
      // Tests may stand beside the rules; `test` reads them.
      if (isRouteTestDocument(document) || isValidatorDocument(document)) continue;
      const verdicts = verdict(document);
      // Istio's tool passes over a list; what is in it is looked at below.
      if (document.issues.length > 0 || !isList(document.value)) {
        issues.add('istio', verdicts.istio.issues);
        issues.add('cluster', verdicts.crd?.issues ?? []);
      }
      const found = readResources(document, { defaultNamespace: 'default', unknownFields: 'error' });
      issues.add('pointsman', found.issues);
      for (const each of found.refused) issues.add('pointsman', faultsOf(each));
      resources.push(...found.resources);
      documents.push(judged(file, document, verdicts));
    }
  }
  const validated = validate(resources);
  issues.add('pointsman', validated.issues);
  issues.add('pointsman', unroutedOf(validated.resources));
  const linted = lintReport(validated.resources, options);
  issues.add('lint', linted.issues);
  const order = new Map(texts.map(({ file }, index) => [file, index]));
  const place = ({ file }: Issue): number => order.get(file ?? '') ?? -1;
  return {
    resources: validated.resources.length,
    documents,
    undecided: linted.undecided,
    issues: issues
      .all()
      .map((issue) => withTakenExample(issue, linted))
      .sort(
        (a, b) => place(a) - place(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
      ),
  };
}

/** Istio compares texts; where a request is known that gets to the rule, the warning says so. */
function withTakenExample(issue: JudgedIssue, linted: ReturnType<typeof lintReport>): JudgedIssue {
  const { code, resource, path = [], message } = issue;
  if (!ISTIO_LOST_RULE.has(code) || resource === undefined || path[1] !== 'http') return issue;
  const example = linted.takenExample(resource, path);
  if (example === undefined) return issue;
  return { ...issue, message: `${message}; a request does reach it all the same`, example };
}

function isList(value: unknown): boolean {
  return (
    isFields(value) &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    Array.isArray(value['items'])
  );
}

function judged(
  file: string,
  { source }: YamlDocument,
  { kind, name, istio, crd }: DocumentVerdict,
): JudgedDocument {
  const count = (severity: Issue['severity']) =>
    istio.issues.filter((each) => each.severity === severity).length;
  return {
    file,
    line: istio.valid || istio.stage !== 'yaml' ? source.position([]).line : (istio.issues[0]?.line ?? 1),
    kind,
    name,
    istio: {
      valid: istio.valid,
      ...(istio.stage !== undefined && { stage: istio.stage }),
      errors: count('error'),
      warnings: count('warning'),
    },
    ...(crd && { cluster: { valid: crd.valid, errors: crd.issues.length } }),
  };
}

interface IssueList {
  add(judge: Judge, issues: readonly Issue[]): void;
  all(): JudgedIssue[];
}

interface Entry {
  issue: Issue;
  readonly by: Judge[];
}

/** Issues, each said once, with all who say it. */
function createIssueList(): IssueList {
  const entries: Entry[] = [];
  const byPlace = new Map<string, Entry[]>();
  return {
    add(judge, found) {
      for (const issue of found) {
        const place = `${issue.file}:${issue.line}:${issue.column}`;
        const there = byPlace.get(place) ?? [];
        const same = there.find((entry) => isSame(entry, issue, judge));
        if (same === undefined) {
          const entry = { issue, by: [judge] };
          entries.push(entry);
          byPlace.set(place, [...there, entry]);
          continue;
        }
        if (!same.by.includes(judge)) same.by.push(judge);
        // Lint has a proof and an example where Istio compares texts, the gateway's reader a code and what would do.
        if (judge === 'lint' || (isOfMetadata(issue) && issue.severity === 'error')) same.issue = issue;
        else if (same.issue.resource === undefined && issue.resource !== undefined)
          same.issue = { ...same.issue, resource: issue.resource };
      }
    },
    all: () => withoutMatchesOfLostRules(entries).map(({ issue, by }) => ({ ...issue, by })),
  };
}

/** Of a rule that is lost as a whole, what Istio says of its matches adds nothing. */
function withoutMatchesOfLostRules(entries: readonly Entry[]): readonly Entry[] {
  const ruleOf = ({ issue: { file, resource, path = [] } }: Entry): string =>
    JSON.stringify([file, resource, path.slice(0, 3)]);
  const lost = new Map(
    entries.filter(({ issue }) => issue.code === 'rule-never-taken').map((entry) => [ruleOf(entry), entry]),
  );
  return entries.filter((entry) => {
    if (!ISTIO_LOST_RULE.has(entry.issue.code)) return true;
    const whole = lost.get(ruleOf(entry));
    if (whole === undefined) return true;
    for (const judge of entry.by) if (!whole.by.includes(judge)) whole.by.push(judge);
    return false;
  });
}

/** Istio's codes for what lint says in its own. */
const ISTIO_LOST_RULE: ReadonlySet<string> = new Set(['unreachable-rule', 'duplicate-match']);
const LOST_RULE: ReadonlySet<string> = new Set([...ISTIO_LOST_RULE, 'rule-never-taken', 'match-never-taken']);

/** True when an issue at the same place says what the entry says already, if with other words. */
function isSame({ issue, by }: Entry, other: Issue, judge: Judge): boolean {
  if (issue.code === other.code && issue.message === other.message) return true;
  if (by.includes(judge)) return false;
  // Where Istio refuses a value, the API server's refusal adds nothing but its voice.
  if (judge === 'cluster') return issue.severity === 'error';
  if (issue.code === 'cluster-refuses' && isOfMetadata(other)) return true;
  return issue.code === other.code || (LOST_RULE.has(issue.code) && LOST_RULE.has(other.code));
}

/** True for what the gateway's reader says of `metadata`, which the API server looks at as well. */
function isOfMetadata({ code, path }: Issue): boolean {
  return code === 'metadata' || (code === 'unknown-field' && path?.[0] === 'metadata');
}
