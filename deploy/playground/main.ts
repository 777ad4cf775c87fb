/** The playground in the browser: rules are checked, a request explained, two versions compared, all of it within the page. */
import { byId, element } from '../../gateway/admin/console/browser/element.ts';
import { compare, explain, judge } from './answer.ts';

/** How long nobody types before all is looked at. */
const PAUSE_MS = 250;
/** What the page opens with; its maker wrote it into the page. */
const start: {
  readonly rules: string;
  readonly changed: string;
  readonly url: string;
  readonly headers: string;
} = JSON.parse(byId('start').textContent);

function area(rows: number, value: string, label?: string): HTMLTextAreaElement {
  const made = element('textarea', {
    rows,
    spellcheck: 'false',
    'aria-label': label,
    oninput: () => later(),
  });
  made.value = value;
  return made;
}

let timer: ReturnType<typeof setTimeout> | undefined;
function later(): void {
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE_MS);
}

const before = area(18, start.rules, 'rules');
const after = area(18, start.changed, 'changed rules');
const url = element('input', { value: start.url, oninput: () => later() });
const method = element('input', { value: 'GET', size: 7, oninput: () => later() });
const headers = area(2, start.headers);
const output = (label: string) => element('pre', { tabindex: 0, 'aria-label': label });
const outputs = {
  before: output('what is wrong in the rules'),
  after: output('what is wrong in the changed rules'),
  why: output('why, by the rules'),
  whyThen: output('why, by the changed rules'),
  moves: output('which requests move'),
};

function look(): void {
  const sides = { before: judge(before.value, 'rules.yaml'), after: judge(after.value, 'changed.yaml') };
  const request = { method: method.value, url: url.value, headers: headers.value };
  outputs.before.textContent = sides.before.verdict;
  outputs.after.textContent = sides.after.verdict;
  outputs.why.textContent = explain(sides.before, request);
  outputs.whyThen.textContent = explain(sides.after, request);
  outputs.moves.textContent = compare(sides.before, sides.after);
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
