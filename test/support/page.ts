/** `docs/support.md`: each field of Istio's API, and whether router and gateway do what it says. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Kind, SPEC_SCHEMAS } from '../../router/schema/kind.ts';
import { caseFolders, readCase } from '../conformance/world.ts';
import { DIFFERENCES, type Difference, EDGE_DIFFERENCES } from './difference.ts';
import { type Evidence, readEvidence } from './evidence.ts';
import { type Field, fieldsOf } from './field.ts';
import { readLimits } from './limitation.ts';
import { NOTES, type Note } from './note.ts';

const root = resolve(import.meta.dirname, '../..');
const corpus = join(root, 'test/conformance/corpus');

/** Where the page is kept, from the root. */
export const PAGE = 'docs/support.md';

interface Row {
  readonly path: string;
  readonly checked: string;
  readonly router: string;
  readonly gateway: string;
  readonly why: string;
}

const KINDS = Object.keys(SPEC_SCHEMAS) as Kind[];

/**
 * The page as it should be. Throws for a note without its test, for one that the cases contradict, and for one that
 * no field fits.
 */
export function supportPage(): string {
  const names = testNames();
  for (const { test, path } of NOTES)
    if (!names.has(test)) throw new Error(`The note on ${path} names a test that is not there: ${test}`);
  for (const { test } of [...DIFFERENCES, ...EDGE_DIFFERENCES])
    if (!names.has(test)) throw new Error(`A known difference names a test that is not there: ${test}`);
  const evidenceOf = readEvidence(corpus);
  const limits = readLimits(
    caseFolders(join(corpus, 'cases')).flatMap((folder) => readCase(folder).resources),
  );
  const used = new Set<Note>();
  const tables = KINDS.map((kind) => {
    const rows = fieldsOf(kind).map((field) => {
      const note = NOTES.find((each) => each.kind === kind && isWithin(field.path, each.path));
      if (note) used.add(note);
      return rowOf(field, evidenceOf(field), note, limits);
    });
    return { kind, rows };
  });
  const unused = NOTES.filter((note) => !used.has(note));
  if (unused.length > 0)
    throw new Error(`No field fits the notes on ${unused.map(({ path }) => path).join(', ')}`);
  return [
    HEAD,
    summary(tables),
    ...tables.map(({ kind, rows }) => section(kind, rows)),
    differences('Other known differences', DIFFERENCES),
    differences('On an edge, with nothing but `fetch`', EDGE_DIFFERENCES),
  ].join('\n');
}

/** What differs and is no field. */
function differences(title: string, list: readonly Difference[]): string {
  const items = list.map(({ what, why, test }) => `- ${what}: ${why} (${quoted(test)}).`);
  return [`## ${title}`, '', ...items, ''].join('\n');
}

function isWithin(path: string, part: string): boolean {
  return path === part || (path.startsWith(part) && /^[.[{]/.test(path.slice(part.length)));
}

function rowOf(
  field: Field,
  evidence: Evidence,
  note: Note | undefined,
  limits: ReturnType<typeof readLimits>,
): Row {
  const { path, sameAs } = field;
  const proven = evidence.kind === 'decided' || evidence.kind === 'compiled';
  if (note?.router && note.router !== 'yes' && proven)
    throw new Error(`The note on ${path} says '${note.router}', but the case ${evidence.shownBy} shows it`);
  const router = note?.router ?? (proven ? 'yes' : evidence.kind === 'data' ? 'yes, as data' : 'untested');
  const why = [
    sameAs === undefined ? '' : `each field as in \`${sameAs}\``,
    note ? `${note.why} (${quoted(note.test)})` : '',
    !note?.router && evidence.shownBy ? SHOWN[evidence.kind](evidence.shownBy) : '',
  ];
  return {
    path,
    checked: String(evidence.verdicts),
    router,
    gateway: limits.limits(path) ? 'not yet' : (note?.gateway ?? gatewayStatus(evidence, router)),
    why: why.filter((text) => text !== '').join('; '),
  };
}

/** What a decision says the gateway carries out whole; what clusters are told needs a test of its own. */
function gatewayStatus({ kind }: Evidence, router: string): string {
  if (kind === 'decided') return 'yes';
  return router === 'not yet' ? 'not yet' : 'untested';
}

const SHOWN: Readonly<Record<Evidence['kind'], (name: string) => string>> = {
  decided: (name) => `\`${name}\``,
  compiled: (name) => `\`${name}\`, compiled`,
  data: (name) => `\`${name}\`, not compared`,
  untested: (name) => `used in \`${name}\`, which is the same without`,
};

const quoted = (test: string): string => (test.includes(' ') ? `"${test}"` : `\`${test}\``);

const HEAD = `# Which fields of Istio's API do what they say

Made by \`bun docs/support.ts\` from the schema and the results of the tests; not written by hand. A test fails when it is
out of date.

- **checked**: resources with this field on which \`istioctl validate\` and an API server were recorded, and on which
  \`check\` says the same. Every field is read, and refused where its value is not valid.
- **router**: the decision. \`yes\`: a recorded case of Istio with Envoy passes, and without the field it would not (the
  last column has its name); \`compiled\` there means that the table, compared with what Istio's own compiler made,
  would be another. \`yes, as data\`: it reaches the table, and nothing recorded says more. \`untested\`: no case
  that passes depends on it, so nothing is claimed.
- **gateway**: what the gateway does with traffic. \`yes\`: it follows from the decision, or the test named proves it.
  \`not yet\`: rules that ask for it are told of by the warning \`not-carried-out\`, or the note says why.
- **differs**: not as Istio does it; the last column says why and which test holds it.
`;

function summary(tables: readonly { readonly rows: readonly Row[] }[]): string {
  const rows = tables.flatMap((table) => table.rows);
  const count = (column: 'router' | 'gateway') => {
    const counts = new Map<string, number>();
    for (const row of rows) counts.set(row[column], (counts.get(row[column]) ?? 0) + 1);
    const words = ['yes', 'yes, as data', 'differs', 'not yet', 'untested'];
    return words.map((word) => counts.get(word) ?? 0).join(' | ');
  };
  return [
    `| of ${rows.length} fields | yes | yes, as data | differs | not yet | untested |`,
    '|---|---|---|---|---|---|',
    `| router | ${count('router')} |`,
    `| gateway | ${count('gateway')} |`,
    '',
  ].join('\n');
}

function section(kind: Kind, rows: readonly Row[]): string {
  const lines = rows.map(
    ({ path, checked, router, gateway, why }) =>
      `| \`${path}\` | ${checked} | ${router} | ${gateway} | ${why} |`,
  );
  return [
    `## ${kind}`,
    '',
    '| `spec.` | checked | router | gateway | shown by |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

/** Names of recorded cases and judged files, and of tests as they are written. */
function testNames(): ReadonlySet<string> {
  const names = new Set(caseFolders(join(corpus, 'cases')).map((folder) => basename(folder)));
  for (const file of readdirSync(join(corpus, 'validation'))) names.add(file);
  for (const entry of readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.test.ts')) continue;
    const text = readFileSync(join(root, 'test', entry), 'utf8');
    for (const [, , name] of text.matchAll(/\btest\(\s*(['"`])(.*?)\1,/g)) names.add(name!);
  }
  return names;
}
