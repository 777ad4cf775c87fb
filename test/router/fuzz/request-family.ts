/** Requests of any size that would show work growing faster than the request. */
import { createRouter, explain, type RouteRequest } from '../../../router/index.ts';
import type { Family } from './growth.ts';
import { HARD_HOST, hardTable } from './hard.ts';

const BASE: RouteRequest = {
  method: 'GET',
  scheme: 'http',
  authority: HARD_HOST,
  path: '/a',
  headers: [],
  port: 80,
};

const request = (name: string, make: (count: number) => Partial<RouteRequest>): Family => ({
  name,
  make: (size) => {
    const table = hardTable();
    const router = createRouter(table);
    let calls = 0;
    return () => {
      // Never the same path twice: what is remembered of the one before shall not help.
      const made = { ...BASE, ...make(size) };
      const path = `${made.path.slice(0, 1)}${calls++}${made.path.slice(1)}`;
      router.route({ ...made, path }, (bound) => bound - 1);
      explain(table, { ...made, path });
    };
  },
});

/** Requests, against rules that look at all of them. */
export const REQUEST_FAMILIES: readonly Family[] = [
  ...[
    'a',
    '/',
    '/a',
    'aa/',
    '/..',
    '/../',
    '/.',
    '/./',
    '%',
    '%2',
    '%2e',
    '%2f',
    '%61',
    '%5c',
    '\\',
    ';',
    '#',
    '1',
    'a/1/',
    'é',
  ].map((part) =>
    request(`the path ${JSON.stringify(part)} repeated`, (size) => ({
      path: `/${part.repeat(size / part.length)}`,
    })),
  ),
  ...['&', '=', 'a', '?', 'a=b&', 'a&', 'q=a&', 'q=', '%61=&', '&q=a', '+'].map((part) =>
    request(`the query ${JSON.stringify(part)} repeated`, (size) => ({
      path: `/?${part.repeat(size / part.length)}`,
    })),
  ),
  ...['x-a', 'x-b', 'cookie', 'origin', 'x-other', 'content-type', 'x-forwarded-for'].flatMap((name) => [
    request(`the header ${name} many times`, (size) => ({
      headers: Array.from({ length: size / (name.length + 1) }, () => [name, 'a'] as const),
    })),
    ...['a', 'a=b; ', ';', ' ', ',', 'user=b;'].map((part) =>
      request(`the header ${name} of ${JSON.stringify(part)} repeated`, (size) => ({
        headers: [[name, part.repeat(size / part.length)]],
      })),
    ),
  ]),
  request('many different headers', (size) => ({
    headers: Array.from({ length: size / 8 }, (_, index) => [`x-${index}`, 'a'] as const),
  })),
  ...['a', '.', ':', 'a.', '[', '1'].map((part) =>
    request(`the authority ${JSON.stringify(part)} repeated`, (size) => ({
      authority: part.repeat(size / part.length),
    })),
  ),
  ...['a', 'G'].map((part) =>
    request(`the method ${part} repeated`, (size) => ({ method: part.repeat(size) })),
  ),
];
