/** Resources with something wrong, most of them: those of a corpus, each changed in one or two places. Imports draws. */
import { createDraw, type Draw } from './draw.ts';

/** A resource as JSON has it. */
export interface Written {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly metadata?: unknown;
  readonly spec: unknown;
}

/** A changed resource, and what was done to it. */
export interface Mutation {
  readonly resource: Written;
  readonly changes: readonly string[];
}

type Node = Record<string | number, unknown>;

/** One value in a resource. */
interface Place {
  readonly parent: Node;
  readonly key: string | number;
  /** `.http[].match[].uri`. */
  readonly path: string;
}

/** So many changed resources; the same for the same seed and corpus. */
export function mutate(corpus: readonly Written[], seed: number, count: number): Mutation[] {
  const draw = createDraw(seed);
  const known = knownOf(corpus);
  return Array.from({ length: count }, () => {
    const resource = structuredClone(draw.pick(corpus));
    const changes: string[] = [];
    for (let left = draw.chance(0.7) ? 1 : 2; left > 0; left--) {
      const places = placesOf(resource.spec as Node);
      if (places.length > 0) changes.push(change(draw.pick(places), known, draw));
    }
    return { resource, changes };
  });
}

/** What stands in the corpus. */
interface Known {
  /** All values under a key, wherever. */
  readonly byKey: ReadonlyMap<string, readonly unknown[]>;
  /** All keys with values of the maps at a path. */
  readonly byParent: ReadonlyMap<string, readonly (readonly [key: string, value: unknown])[]>;
}

function knownOf(corpus: readonly Written[]): Known {
  const byKey = new Map<string, unknown[]>();
  const byParent = new Map<string, [string, unknown][]>();
  for (const { spec } of corpus) {
    for (const { parent, key, path } of placesOf(spec as Node)) {
      if (typeof key !== 'string') continue;
      const values = byKey.get(key) ?? [];
      const siblings = byParent.get(parentOf(path)) ?? [];
      values.push(parent[key]);
      siblings.push([key, parent[key]]);
      byKey.set(key, values);
      byParent.set(parentOf(path), siblings);
    }
  }
  return { byKey, byParent };
}

/** `.http[].match[].` */
const parentOf = (path: string): string => path.replace(/[^.]*$/, '');

function placesOf(node: Node, path = ''): Place[] {
  const isList = Array.isArray(node);
  return Object.keys(node).flatMap((name) => {
    const own = isList ? `${path}[]` : `${path}.${name}`;
    const value = node[name];
    const inside = typeof value === 'object' && value !== null ? placesOf(value as Node, own) : [];
    return [{ parent: node, key: isList ? Number(name) : name, path: own }, ...inside];
  });
}

/** Changes the place, and says how. */
function change({ parent, key, path }: Place, { byKey, byParent }: Known, draw: Draw): string {
  const put = (value: unknown, at = key, where = path): string => {
    parent[at] = structuredClone(value);
    return `${where} = ${JSON.stringify(value)?.slice(0, 80)}`;
  };
  const before = parent[key];
  switch (draw.below(10)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      return `${path} deleted`;
    case 1: {
      if (!Array.isArray(parent)) break;
      parent.push(structuredClone(before));
      return `${path} twice`;
    }
    case 2:
    case 3: {
      const others = byKey.get(String(key));
      if (others !== undefined) return put(draw.pick(others));
      break;
    }
    case 4: {
      const siblings = byParent.get(parentOf(path));
      if (Array.isArray(parent) || siblings === undefined) break;
      const [name, value] = draw.pick(siblings);
      return put(value, name, parentOf(path) + name);
    }
    case 5: {
      if (Array.isArray(parent) || draw.chance(0.8)) break;
      const [name, others] = draw.pick([...byKey]);
      return put(draw.pick(others), name, parentOf(path) + name);
    }
    case 6: {
      if (typeof before === 'string') return put(before + draw.pick(['x', '/', '.', '*', ' ', '%']));
      if (typeof before === 'number')
        return put(draw.pick([before + 1, -before, before + 0.5, String(before)]));
      break;
    }
    case 7:
      if (typeof before === 'string') return put(before.slice(0, draw.below(before.length + 1)));
      break;
  }
  // Of the same type most of the time: another type is refused before anything else is looked at.
  const alike = ODD.filter((each) => typeof each === typeof before);
  return put(draw.pick(alike.length > 0 && draw.chance(0.8) ? alike : ODD));
}

/** Values that some field or other does not take. */
const ODD: readonly unknown[] = [
  ...[
    '',
    ' ',
    '*',
    'a',
    'A',
    'a b',
    'a,b',
    'é',
    '/',
    '/a',
    'x-a',
    ':path',
    ':authority',
    'Host',
    '~',
    '.',
    'mesh',
  ],
  ...['*.', '*.a', 'a.*', '.a', 'a.', 'a..b', 'a_b', 'a:80', 'ns/gw', 'ns/*', './gw', '*/*', 'http://a'],
  ...['a'.repeat(64), 'a'.repeat(254), '10.0.0.1', '10.0.0.0/8', '::1', '[::1]'],
  ...['(', '[', '(?=a)', '\\1', '\\C', 'a{1001}', '%', '%%', '%REQ(a)%', '%X%'],
  ...['0s', '1s', '-1s', '1.5s', '1ms', '0.0005s', '1h', '1d', '315576000001s'],
  ...['HTTP', 'TCP', 'UNKNOWN', 'GET', 'get', '5xx', '503', '80', '0x10', '0o7', '1_000', 'NaN', 'Infinity'],
  ...[
    -1,
    0,
    1,
    2.5,
    100,
    101,
    199,
    256,
    600,
    65_535,
    65_536,
    2 ** 31,
    2 ** 32,
    2 ** 64,
    1e20,
    true,
    false,
    null,
    [],
    {},
  ],
];
