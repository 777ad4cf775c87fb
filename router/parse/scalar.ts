/**
 * What a YAML scalar means: YAML 1.1 as Kubernetes and Istio read it, where `yes` is true, `010` is eight and
 * `1_000` a thousand. Imports nothing.
 * Source: github.com/yaml/go-yaml (v2) resolve.go, which sigs.k8s.io/yaml uses.
 */

/** A scalar's value, or why it has none. Infinite numbers and NaN have none, as JSON cannot say them. */
export type ScalarValue =
  | { readonly ok: true; readonly value: string | number | boolean | null }
  | { readonly ok: false; readonly reason: string };

const WORDS = new Map<string, boolean | null>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    (word) => [word, true] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (word) => [word, false] as const,
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
]);
const NOT_JSON = /^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const TIMESTAMP =
  /^\d{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])(?:[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})?)?$/;
const TAG_PREFIX = 'tag:yaml.org,2002:';

/**
 * The value of a scalar.
 * @param text Its text with quotes and escapes resolved.
 * @param plain True for a scalar without quotes.
 * @param tag Its tag as written, or resolved: `!!str`, `tag:yaml.org,2002:str`.
 */
export function scalarValue(text: string, plain: boolean, tag: string | undefined): ScalarValue {
  if (tag === undefined || tag === '!')
    return plain && tag === undefined ? resolvePlain(text) : { ok: true, value: text };
  const name = tag.startsWith(TAG_PREFIX)
    ? tag.slice(TAG_PREFIX.length)
    : tag.startsWith('!!')
      ? tag.slice(2)
      : tag;
  switch (name) {
    case 'str':
      return { ok: true, value: text };
    case 'timestamp':
      return TIMESTAMP.test(text)
        ? { ok: true, value: text }
        : { ok: false, reason: `Cannot read ${JSON.stringify(text)} as !!timestamp` };
    case 'binary':
      return decodeBinary(text);
    case 'null':
      return WORDS.get(text) === null
        ? { ok: true, value: null }
        : { ok: false, reason: `Cannot read ${JSON.stringify(text)} as !!null` };
    case 'bool':
    case 'int':
    case 'float': {
      const resolved = resolvePlain(text);
      const want = name === 'bool' ? 'boolean' : 'number';
      const fits =
        resolved.ok &&
        typeof resolved.value === want &&
        !(name === 'int' && wholeNumber(text.replaceAll('_', '')) === undefined);
      if (fits || !resolved.ok) return resolved;
      return { ok: false, reason: `Cannot read ${JSON.stringify(text)} as !!${name}` };
    }
    default:
      // A tag that nobody knows leaves the text as it is.
      return { ok: true, value: text };
  }
}

/** True for the tag of the key `<<`, as written. */
export function isMergeTag(tag: string): boolean {
  return tag === '!' || tag === '!!merge' || tag === `${TAG_PREFIX}merge`;
}

function resolvePlain(text: string): ScalarValue {
  const word = WORDS.get(text);
  if (word !== undefined) return { ok: true, value: word };
  if (NOT_JSON.test(text))
    return { ok: false, reason: `Cannot use the number ${text}: JSON has no such number` };
  if (text.startsWith('.'))
    return { ok: true, value: FLOAT.test(text) && Number.isFinite(Number(text)) ? Number(text) : text };
  if (!/^[-+0-9]/.test(text)) return { ok: true, value: text };
  const digits = text.replaceAll('_', '');
  const whole = wholeNumber(digits);
  if (whole !== undefined) return { ok: true, value: whole };
  if (FLOAT.test(digits) && Number.isFinite(Number(digits))) return { ok: true, value: Number(digits) };
  return { ok: true, value: text };
}

/** Go's strconv.ParseInt(text, 0, 64), and ParseUint above its range. */
function wholeNumber(text: string): number | undefined {
  const parts = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]+|0|[1-9][0-9]*)$/.exec(text);
  // What follows `0b` may have a sign of its own.
  if (parts === null)
    return /^0b[-+]/.test(text) ? wholeNumber(text.replace(/^0b([-+])/, '$10b')) : undefined;
  const [, sign, magnitude = ''] = parts;
  const octal = /^0[0-7]+$/.test(magnitude);
  if (magnitude.length > 70) return undefined;
  const value = BigInt(octal ? `0o${magnitude.slice(1)}` : magnitude.toLowerCase());
  // Only without a sign does the range of unsigned numbers count.
  const limit = sign === '' ? (1n << 64n) - 1n : sign === '-' ? 1n << 63n : (1n << 63n) - 1n;
  if (value > limit) return undefined;
  return sign === '-' && value !== 0n ? -Number(value) : Number(value);
}

function decodeBinary(text: string): ScalarValue {
  const bare = text.replaceAll(/[\r\n]/g, '');
  if (bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(bare)) {
    return { ok: false, reason: 'Cannot read the !!binary value as base64' };
  }
  const bytes = Uint8Array.from(atob(bare), (character) => character.charCodeAt(0));
  return { ok: true, value: new TextDecoder().decode(bytes) };
}
