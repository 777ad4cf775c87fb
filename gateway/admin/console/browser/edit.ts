/** Writes a rule: the verdict, lint and the difference while it is typed, then into effect, and back. */
import type { Review } from '../review.ts';
import { type Answer, ask, errorOf, post } from './ask.ts';
import { byId, element } from './element.ts';

/** How long nobody types before a text is looked at. */
const PAUSE_MS = 400;

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
}

/** The view: `open` shows a resource by its key, `changed` is told of each new version of the configuration. */
export function editView(): { open(key: string): Promise<void>; changed(): Promise<void> } {
  /** The configuration that the text was reviewed against; what is applied has to be what was reviewed. */
  let reviewed: number | undefined;
  /** Somebody else changed the rules under a text that is being written; said until it is applied or left. */
  let overtaken = false;
  /** What is being applied makes a new version too, of which the page may hear before it has its answer. */
  let applying = false;
  let undoable: { readonly version: number; readonly at: number } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The resource that is shown, and its text as it was in effect when it was read or applied last. */
  let shown = '';
  let loaded = '';
  /** The gateway's own words for {@link loaded}; undefined where they are not known. */
  let inEffect: string | undefined;
  /** What was written of other resources and not applied. */
  const drafts = new Map<string, { readonly text: string; readonly inEffect: string | undefined }>();
  /** Of the latest review asked for; an earlier one's answer is of no interest any more, nor one of an earlier text. */
  let turn = 0;
  /** Of the latest resource asked for, likewise. */
  let opening = 0;

  const choice = element('select', { onchange: () => attempt(() => open(choice.value)) });
  const text = element('textarea', {
    rows: 22,
    spellcheck: 'false',
    'aria-label': 'resource as YAML',
    oninput() {
      apply.disabled = true;
      turn++;
      clearTimeout(timer);
      timer = setTimeout(() => attempt(() => review()), PAUSE_MS);
    },
  });
  const verdict = element('p', { role: 'status', class: 'verdict' });
  const issues = element('ul', { class: 'issues' });
  const difference = element('pre', { tabindex: 0, 'aria-label': 'which requests move' });
  const apply = element(
    'button',
    { type: 'button', class: 'primary', disabled: true, onclick: () => attempt(put) },
    'Apply',
  );
  const undo = element('button', { type: 'button', disabled: true, onclick: () => attempt(restore) }, 'Undo');
  const discard = element('button', { type: 'button', onclick: () => attempt(start) }, 'Discard');
  const say = (words: string, mood: string): void => {
    verdict.textContent = words;
    verdict.className = `verdict ${mood}`;
  };

  /** Does what may fail because nobody answers, and says so. */
  const attempt = (work: () => Promise<unknown>): void => {
    work().catch((error: Error) => say(`Cannot reach the gateway: ${error.message}`, 'bad'));
  };

  /** `isQuiet`: what was said last stays. */
  const review = async (isQuiet = false): Promise<Review | undefined> => {
    const asked = ++turn;
    const got = await ask<Review>('/console/review', { method: 'POST', body: text.value });
    if (asked !== turn) return undefined;
    if (!got.ok) {
      say(errorOf(got), 'bad');
      return undefined;
    }
    const { isValid, verdicts, version } = got.body;
    overtaken ||= text.value !== loaded && reviewed !== undefined && version !== reviewed;
    reviewed = version;
    apply.disabled = !isValid;
    const judges = verdicts.map(
      ({ istio, cluster }) =>
        `Istio ${istio ? 'takes' : 'refuses'} it${cluster === undefined ? '' : `, a cluster ${cluster ? 'takes' : 'refuses'} it`}`,
    );
    const judgement = `${isValid ? 'Valid' : 'Refused'}: ${[...new Set(judges)].join('; ') || 'no resource'}`;
    if (overtaken)
      say(
        `Somebody has changed the rules meanwhile. Your text is kept and not applied; the difference below is against theirs: look at it before you apply. ${judgement}`,
        'bad',
      );
    else if (!isQuiet) say(judgement, isValid ? 'good' : 'bad');
    issues.replaceChildren(
      ...got.body.issues.map(({ severity, line, column, code, message }) =>
        element(
          'li',
          { class: severity },
          `${line === undefined ? '' : `${line}:${column ?? 1} `}${code}: ${message}`,
        ),
      ),
    );
    difference.textContent = got.body.difference ?? 'A refused text changes nothing.';
    return got.body;
  };

  const put = async (): Promise<void> => {
    apply.disabled = true;
    clearTimeout(timer);
    const before = reviewed;
    if (before === undefined) return;
    applying = true;
    try {
      await putAt(before, text.value);
    } catch (error) {
      apply.disabled = false;
      throw error;
    } finally {
      applying = false;
    }
    // Of what others did meanwhile the page has heard already.
    await follow();
  };

  const putAt = async (before: number, sent: string): Promise<void> => {
    const got = await ask<{
      readonly version: number;
      readonly resources: readonly { readonly key: string; readonly outcome: string }[];
    }>('/resources', { method: 'PUT', body: sent, headers: { 'if-match': `"${before}"` } });
    if (got.status === 412) {
      overtaken = true;
      await review();
      return;
    }
    if (!got.ok) {
      say(errorOf(got), 'bad');
      return;
    }
    const { resources, version } = got.body;
    loaded = sent;
    reviewed = version;
    overtaken = false;
    if (version !== before) {
      undoable = { version: before, at: version };
      undo.disabled = false;
    }
    const now = await read(shown);
    inEffect = now.ok && now.version === version ? now.body : undefined;
    if (text.value === sent) await review();
    say(resources.map(({ key, outcome }) => `${key} ${outcome}`).join(', '), 'good');
  };

  const restore = async (): Promise<void> => {
    if (!undoable) return;
    undo.disabled = true;
    const got = await post('/console/restore', undoable);
    if (!got.ok) {
      say(
        got.status === 412
          ? 'The rules have changed since: go back in History if you still want to.'
          : errorOf(got),
        'bad',
      );
      return;
    }
    undoable = undefined;
    await start();
    say('Undone: the rules are as they were before.', 'good');
  };

  const read = (key: string): Promise<Answer<string>> =>
    ask(`/console/text/${key.split('/').map(encodeURIComponent).join('/')}`);

  const open = async (key: string): Promise<void> => {
    if (key === '') return;
    const asked = ++opening;
    choice.value = key;
    const got = await read(key);
    if (asked !== opening) return;
    if (!got.ok) {
      say(errorOf(got), 'bad');
      return;
    }
    // Nobody's text is lost for looking at another resource.
    if (shown !== '' && text.value !== loaded && text.value !== '')
      drafts.set(shown, { text: text.value, inEffect });
    const draft = drafts.get(key);
    drafts.delete(key);
    show(key, got.body, draft?.text ?? got.body);
    overtaken = draft !== undefined && draft.inEffect !== got.body;
    label();
    await review();
  };

  const show = (key: string, theirs: string, mine: string): void => {
    clearTimeout(timer);
    turn++;
    apply.disabled = true;
    shown = key;
    text.value = mine;
    loaded = theirs;
    inEffect = theirs;
  };

  /** The resource that is shown as it is in effect. */
  const start = async (): Promise<void> => {
    apply.disabled = true;
    text.value = loaded;
    await open(shown);
  };

  /** After a change of the rules that may be one's own: a text that nobody has touched becomes what is in effect. */
  const follow = async (): Promise<void> => {
    if (text.value !== loaded) {
      await review();
      return;
    }
    const asked = opening;
    const got = await read(shown);
    if (asked !== opening || !got.ok) return;
    if (got.body === inEffect || text.value !== loaded) {
      await review(text.value === loaded);
      return;
    }
    show(shown, got.body, got.body);
    const isReviewed = await review();
    if (isReviewed) say('Somebody has changed the rules: this is the text in effect now.', 'good');
  };

  const label = (): void => {
    for (const option of choice.options)
      option.textContent = drafts.has(option.value) ? `${option.value} (not applied)` : option.value;
  };

  byId('edit').append(
    element(
      'div',
      { class: 'columns' },
      element(
        'div',
        { class: 'column' },
        element('label', {}, 'Resource ', choice),
        text,
        element('div', { class: 'row' }, apply, undo, discard),
        element('p', { class: 'notice' }, 'Applied in memory, until a restart or a later save of its file.'),
      ),
      element(
        'div',
        { class: 'column' },
        verdict,
        issues,
        element('h2', {}, 'Which requests move'),
        difference,
      ),
    ),
  );

  return {
    open: async (key) => attempt(() => open(key)),
    async changed() {
      const got = await ask<{ readonly resources: readonly Manifest[] }>('/resources');
      if (!got.ok) return;
      const keys = got.body.resources.map(
        ({ kind, metadata: { namespace, name } }) => `${kind}/${namespace}/${name}`,
      );
      const chosen = choice.value;
      choice.replaceChildren(...keys.map((key) => element('option', { value: key }, key)));
      const first = keys.find((key) => key.startsWith('VirtualService/')) ?? keys[0] ?? '';
      if (keys.includes(chosen)) choice.value = chosen;
      label();
      // A text that somebody is at is never replaced.
      if (text.value === '' || (text.value === loaded && !keys.includes(shown))) await open(first);
      else if (!applying) await follow();
    },
  };
}
