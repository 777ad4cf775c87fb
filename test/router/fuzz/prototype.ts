/** What every object inherits, as data: pollution shows as a difference. */

/** Without constructors: runtimes keep notes of their own on those of regexes and errors. */
const SHARED: readonly object[] = [
  ...[
    Object,
    Array,
    Function,
    String,
    Number,
    Boolean,
    RegExp,
    Map,
    Set,
    WeakMap,
    Promise,
    Error,
    Uint8Array,
  ].map((type): object => type.prototype),
  ...[JSON, Math, Reflect],
];

/** Each property of the shared objects with what it holds, as it is now. */
export function builtIns(): readonly (readonly [string | symbol, unknown])[][] {
  return SHARED.map((shared) =>
    Reflect.ownKeys(shared).map(
      (key) => [key, shallow(Reflect.getOwnPropertyDescriptor(shared, key)!)] as const,
    ),
  );
}

const numbers = new WeakMap<object, number>();
let last = 0;

/** Objects and functions by a number each, so that comparing looks no deeper; an accessor is made anew each time. */
function shallow(descriptor: PropertyDescriptor): Record<string, unknown> {
  const { value, get, set, ...rest } = descriptor;
  return { ...rest, value: identity(value), get: typeof get, set: typeof set };
}

function identity(value: unknown): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value;
  if (!numbers.has(value)) numbers.set(value, ++last);
  return numbers.get(value);
}
