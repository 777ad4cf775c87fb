/** The playground in the browser: rules are checked, a request explained, two versions compared, all of it within the page. */
import { byId, element } from '../../gateway/admin/console/browser/element.ts';
import {
  createRouter,
  formatExplanation,
  formatIssue,
  type Issue,
  lint,
  parse,
  type ValidResource,
  validate,
} from '../../router/index.ts';
import { assumedSubsets } from '../../workbench/assumed-service.ts';
import { diffRules } from '../../workbench/diff/index.ts';
import { diffText } from '../../workbench/diff/text.ts';
import { createRuleSet } from '../../workbench/rule-set.ts';
import { parseHeaderLine, toRouteRequest } from '../../workbench/written-request.ts';

/** How long nobody types before all is looked at. */
const PAUSE_MS = 250;
/** A second or so of automata: the page stands still meanwhile. */
const MAX_STEPS = 4_000_000;

const START = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
    - match: [{ headers: { user: { exact: admin } } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
    - route: [{ destination: { host: reviews, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;
const CHANGED = START.replace(
  '    - route: [{ destination: { host: reviews, subset: v1 } }]',
  `    - route:
        - { destination: { host: reviews, subset: v1 }, weight: 90 }
        - { destination: { host: reviews, subset: v2 }, weight: 10 }`,
);

interface Side {
  readonly resources: readonly ValidResource[];
  readonly issues: readonly Issue[];
}

function read(text: string, file: string): Side {
  const parsed = parse(text, { file });
  const { resources, issues } = validate(parsed.resources);
  return { resources, issues: [...parsed.issues, ...issues, ...lint(resources, { maxSteps: MAX_STEPS })] };
}

function explain({ resources }: Side, url: string, method: string, lines: string): string {
  const headers = lines.split('\n').flatMap((line) => {
    const header = parseHeaderLine(line);
    return header ? [header] : [];
  });
  const request = toRouteRequest({ url, method, headers }, undefined);
  if (!request) return `"${url}" is no URL; write it like http://reviews/api`;
  const all = [...resources, ...assumedSubsets(resources)];
  const table = createRuleSet(all).tableFor({}, [request.port]);
  return formatExplanation(createRouter(table).explain(request));
}

function area(rows: number, value: string): HTMLTextAreaElement {
  const made = element('textarea', { rows, spellcheck: 'false', oninput: () => later() });
  made.value = value;
  return made;
}

let timer: ReturnType<typeof setTimeout> | undefined;
function later(): void {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE_MS);
}

const before = area(18, START);
const after = area(18, CHANGED);
const url = element('input', { value: 'http://reviews/api', oninput: () => later() });
const method = element('input', { value: 'GET', size: 7, oninput: () => later() });
const headers = area(2, 'user: admin');
const output = (label: string) => element('pre', { tabindex: 0, 'aria-label': label });
const outputs = {
  before: output('what is wrong in the rules'),
  after: output('what is wrong in the changed rules'),
  why: output('why, by the rules'),
  whyThen: output('why, by the changed rules'),
  moves: output('which requests move'),
};

function look(): void {
  const sides = { before: read(before.value, 'rules.yaml'), after: read(after.value, 'changed.yaml') };
  const shown = ({ issues, resources }: Side): string =>
    // Without the line and its caret, which a narrow column would wrap.
    issues.map(({ excerpt: _, ...issue }) => formatIssue(issue)).join('\n') ||
    `${resources.length} valid resources`;
  outputs.before.textContent = shown(sides.before);
  outputs.after.textContent = shown(sides.after);
  outputs.why.textContent = explain(sides.before, url.value, method.value, headers.value);
  outputs.whyThen.textContent = explain(sides.after, url.value, method.value, headers.value);
  const isValid = [...sides.before.issues, ...sides.after.issues].every(
    ({ severity }) => severity !== 'error',
  );
  outputs.moves.textContent = isValid
    ? diffText(diffRules(sides.before.resources, sides.after.resources, { maxSteps: MAX_STEPS }))
    : 'Not compared, as not all of the rules are valid';
}

const column = (title: string, ...children: readonly HTMLElement[]) =>
  element('div', { class: 'column' }, element('h2', {}, title), ...children);

byId('playground').append(
  element(
    'div',
    { class: 'columns' },
    column('Rules', before, outputs.before),
    column('Changed rules', after, outputs.after),
  ),
  element('h2', {}, 'Which requests move'),
  outputs.moves,
  element('h2', {}, 'Where a request goes'),
  element(
    'div',
    { class: 'row' },
    element('label', {}, 'Method', method),
    element('label', { class: 'grow' }, 'URL', url),
  ),
  element('label', {}, 'Headers, one a line', headers),
  element(
    'div',
    { class: 'columns' },
    column('By the rules', outputs.why),
    column('By the changed rules', outputs.whyThen),
  ),
);
look();
