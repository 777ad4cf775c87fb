/**
 * What a VirtualService asks for beyond Istio, by annotations of `pointsman.dev/`, which Istio ignores. Read once; what
 * cannot be used is reported and left out. Imports schema types and the table's.
 */
import { parseAddressRange } from '../route/address.ts';
import type { Resource } from '../schema/resource.ts';
import type { ComparePolicy } from '../table/decision.ts';
import type { SplitKey } from '../table/route-table.ts';
import type { Report } from './report.ts';

/** What all rules of one VirtualService ask for. */
export interface Extension {
  /** What of a request decides where a split sends it. */
  readonly splitKey?: SplitKey;
  readonly preview?: Preview;
  readonly compare?: ComparePolicy;
}

/** Who may name the subset that a request is to go to, and in which header. */
export interface Preview {
  readonly header: string;
  /** Address ranges as text: `10.0.0.0/8`. */
  readonly ranges: readonly string[];
  readonly namespaces: readonly string[];
}

/** Asks for nothing. */
export const NO_EXTENSION: Extension = {};

const PREFIX = 'pointsman.dev/';

/** Names without their prefix. */
const NAMES = ['sticky-split', 'preview-header', 'preview-from', 'mirror-compare', 'mirror-ignore'] as const;

type Name = (typeof NAMES)[number];

/** Reads the annotations of a VirtualService. Each that cannot be used is reported at its place. */
export function readExtension(resource: Resource, report: Report): Extension {
  const { annotations } = resource.metadata;
  if (!annotations) return NO_EXTENSION;
  const values = new Map<Name, string>();
  const warn = (name: string, message: string): void =>
    report.warn(resource, ['metadata', 'annotations', PREFIX + name], 'annotation', message);
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    if (isName(name)) values.set(name, value.trim());
    else
      warn(
        name,
        `Cannot follow the annotation "${key}": there are ${NAMES.map((each) => PREFIX + each).join(', ')}`,
      );
  }
  if (values.size === 0) return NO_EXTENSION;
  const splitKey = readSplitKey(values, warn);
  const preview = readPreview(values, warn);
  const compare = readCompare(values, warn);
  return { ...(splitKey && { splitKey }), ...(preview && { preview }), ...(compare && { compare }) };
}

type Warn = (name: Name, message: string) => void;
type Values = ReadonlyMap<Name, string>;

const isName = (text: string): text is Name => (NAMES as readonly string[]).includes(text);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function readSplitKey(values: Values, warn: Warn): SplitKey | undefined {
  const value = values.get('sticky-split');
  if (value === undefined) return undefined;
  const [, kind, name = ''] = /^(header|cookie):(.*)$/.exec(value) ?? [];
  if (kind !== undefined && TOKEN.test(name))
    return kind === 'header' ? { kind, name: name.toLowerCase() } : { kind: 'cookie', name };
  warn(
    'sticky-split',
    `Cannot split by "${value}": write header:NAME or cookie:NAME, for example header:x-user; requests are split by chance`,
  );
  return undefined;
}

function readPreview(values: Values, warn: Warn): Preview | undefined {
  const header = values.get('preview-header');
  const from = values.get('preview-from');
  if (header === undefined) {
    if (from !== undefined)
      warn(
        'preview-from',
        `Cannot tell what may be previewed: add ${PREFIX}preview-header with a header's name`,
      );
    return undefined;
  }
  if (!TOKEN.test(header)) {
    warn(
      'preview-header',
      `Cannot preview by the header "${header}": write a header's name, for example x-preview`,
    );
    return undefined;
  }
  if (from === undefined) {
    warn(
      'preview-header',
      `Cannot preview by the header "${header}": anybody may send it, so say who is trusted with ${PREFIX}preview-from, for example 10.0.0.0/8 or namespace:qa`,
    );
    return undefined;
  }
  const ranges: string[] = [];
  const namespaces: string[] = [];
  for (const each of listOf(from)) {
    if (each.startsWith('namespace:')) namespaces.push(each.slice('namespace:'.length));
    else if (parseAddressRange(each)) ranges.push(each);
    else {
      // What is misspelt must not let in more than was meant, nor half of it.
      warn(
        'preview-from',
        `Cannot trust "${each}": write addresses like 10.0.0.7, ranges like 10.0.0.0/8, or namespace:NAME; nobody may preview until then`,
      );
      return undefined;
    }
  }
  return { header: header.toLowerCase(), ranges, namespaces };
}

const COMPARED = ['status', 'headers', 'body'] as const;

function readCompare(values: Values, warn: Warn): ComparePolicy | undefined {
  const compare = values.get('mirror-compare');
  const ignore = values.get('mirror-ignore');
  if (compare === undefined) {
    if (ignore !== undefined)
      warn(
        'mirror-ignore',
        `Cannot tell what to compare: add ${PREFIX}mirror-compare with all, or some of ${COMPARED.join(', ')}`,
      );
    return undefined;
  }
  const asked = compare === 'all' ? COMPARED : listOf(compare);
  const other = asked.find((each) => !(COMPARED as readonly string[]).includes(each));
  if (other !== undefined || asked.length === 0) {
    warn(
      'mirror-compare',
      `Cannot compare "${other ?? compare}": write all, or some of ${COMPARED.join(', ')} with commas between`,
    );
    return undefined;
  }
  const headers: string[] = [];
  const fields: string[] = [];
  for (const each of listOf(ignore ?? '')) {
    if (each.startsWith('header:') && TOKEN.test(each.slice(7))) headers.push(each.slice(7).toLowerCase());
    else if (each.startsWith('field:') && each.length > 6) fields.push(each.slice(6));
    else
      warn(
        'mirror-ignore',
        `Cannot ignore "${each}": write header:NAME or field:PATH, for example field:user.updatedAt`,
      );
  }
  return {
    status: asked.includes('status'),
    headers: asked.includes('headers'),
    body: asked.includes('body'),
    ignoredHeaders: headers,
    ignoredFields: fields,
  };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
