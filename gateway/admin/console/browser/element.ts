/** Makes elements. What comes from outside only ever becomes text, so that a name can never be markup. */

/** What an element may hold; `undefined` is left out. */
export type Child = Node | string | number | undefined;

/** An element with attributes (`on…`: listeners; `false` and `undefined`: left out) and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, unknown>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for a drawing. */
export function drawing<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, unknown>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function filled<E extends Element>(
  made: E,
  attributes: Readonly<Record<string, unknown>>,
  children: readonly Child[],
): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value as EventListener);
    else made.setAttribute(name, value === true ? '' : `${value}`);
  }
  made.append(...children.filter((child) => child !== undefined).map((child) => child as Node | string));
  return made;
}

/** A figure, in whatever unit. */
function isNumber(child: Child): boolean {
  return /^(?:–|[\d.,]+(?: ?(?:ms|s|%))?(?: \(.+ %\))?)$/.test(`${child}`);
}

/** A table; columns of numbers are aligned as such. */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  const classes = heads.map((_, column) => rows.every((cells) => isNumber(cells[column])) && 'number');
  const cell = (child: Child, column: number) => element('td', { class: classes[column] }, child);
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    element(
      'table',
      {},
      element('caption', {}, caption),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          ...heads.map((head, column) => element('th', { scope: 'col', class: classes[column] }, head)),
        ),
      ),
      element('tbody', {}, ...rows.map((cells) => element('tr', {}, ...cells.map(cell)))),
    ),
  );
}

/** The element that the page has under this id. */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}
