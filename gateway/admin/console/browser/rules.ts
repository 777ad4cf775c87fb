/** The rules as a tree, with the requests that each match has taken. */
import type { HostNode, RuleNode } from '../rule-tree.ts';
import type { RuleCounts } from '../traffic.ts';
import { byId, element } from './element.ts';
import { numberText, percentText } from './text.ts';

/** Hosts beyond these are found by the filter. */
const MAX_HOSTS = 200;

/** The view: `show` draws a tree, `count` writes counts into it. `edit` is called with the resource of a rule. */
export function rulesView(edit: (key: string) => void): {
  show(hosts: readonly HostNode[]): void;
  count(rules: readonly RuleCounts[]): void;
} {
  let hosts: readonly HostNode[] = [];
  let counts: readonly RuleCounts[] = [];
  let badges = new Map<string, HTMLElement>();
  const filter = element('input', {
    type: 'search',
    placeholder: 'reviews, /api, user = "admin"',
    oninput: () => draw(),
  });
  const tree = element('div', { class: 'tree' });
  byId('rules').append(element('label', {}, 'Find ', filter), tree);

  const draw = (): void => {
    badges = new Map();
    const wanted = filter.value.trim().toLowerCase();
    const found = hosts.filter(
      (host) => wanted === '' || JSON.stringify(host).toLowerCase().includes(wanted),
    );
    tree.replaceChildren(
      ...found.slice(0, MAX_HOSTS).map(hostNode),
      ...(found.length > MAX_HOSTS
        ? [element('p', { class: 'notice' }, `and ${found.length - MAX_HOSTS} more hosts: narrow the search`)]
        : []),
      ...(found.length === 0
        ? [
            element(
              'p',
              { class: 'notice' },
              hosts.length === 0 ? 'No rules are in effect.' : 'No rule has that.',
            ),
          ]
        : []),
    );
    write();
  };

  const hostNode = ({ names, rules }: HostNode): HTMLElement =>
    element(
      'details',
      { open: true },
      element('summary', {}, names.join(', ')),
      element('ol', {}, ...rules.map(ruleNode)),
    );

  const ruleNode = ({ id, name, conditions, what, aspects, destinations, origin }: RuleNode): HTMLElement => {
    const badge = element('span', { class: 'badge' }, '0');
    badges.set(id, badge);
    const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
    const targets = destinations.map(({ target, weight }) =>
      destinations.length === 1 ? target : `${percentText(total === 0 ? 0 : weight / total)} ${target}`,
    );
    const key = `${origin.kind}/${origin.namespace}/${origin.name}`;
    const place = origin.file === undefined ? key : `${origin.file}:${origin.line ?? 1}`;
    return element(
      'li',
      {},
      badge,
      element('span', { class: 'condition' }, conditions.join(' and ') || 'all requests'),
      name === undefined ? undefined : element('span', { class: 'name' }, name),
      element('span', { class: 'outcome' }, targets.length === 0 ? what : `→ ${targets.join(', ')}`),
      ...aspects.map((aspect) => element('span', { class: 'aspect' }, aspect)),
      element(
        'button',
        { type: 'button', class: 'link', title: `edit ${key}`, onclick: () => edit(key) },
        place,
      ),
    );
  };

  const write = (): void => {
    const known = new Map(counts.map((each) => [each.id, each]));
    for (const [id, badge] of badges) {
      const { count = 0, errors = 0 } = known.get(id) ?? {};
      const text = errors === 0 ? numberText(count) : `${numberText(count)}, ${numberText(errors)} failed`;
      if (badge.textContent === text) continue;
      badge.textContent = text;
      badge.className = `badge${count > 0 ? ' taken' : ''}${errors > 0 ? ' failed' : ''}`;
    }
  };

  return {
    show(given) {
      hosts = given;
      counts = [];
      draw();
    },
    count(given) {
      counts = given;
      write();
    },
  };
}
