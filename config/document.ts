/**
 * What a text holds, for every source that reads texts: its valid resources, and what of it is refused. A large
 * text is read in slices, so that requests go on meanwhile, and of one that is read again only what changed.
 */
import {
  byPlace,
  type CheckedResource,
  checkOne,
  faultsOf,
  type Issue,
  joinResources,
  type ParsedPart,
  parseParts,
  resourceKey,
} from '../router/index.ts';
import type { ValidResource } from '../router/schema/kind.ts';
import { Slice } from './slice.ts';

/** A text as read. */
export interface Reading {
  /** In the order written. */
  readonly resources: readonly ValidResource[];
  readonly issues: readonly Issue[];
  /** Keys of the resources that are there and refused. */
  readonly refused: readonly string[];
  /** False when a part could not be made out at all, so that nobody can say which resources it held. */
  readonly whole: boolean;
  /** The text's parts as written, for the next reading. */
  readonly parts: ReadonlyMap<string, ReadPart>;
}

/** What stands between two separators, parsed and checked. */
interface ReadPart extends ParsedPart {
  readonly checked: readonly CheckedResource[];
  /** Of what the parser refused. */
  readonly faults: readonly Issue[];
}

/** See the fields. */
export interface ReadOptions {
  /**
   * The reading before. A resource whose text and place are the same is given again as the same object; default: all
   * of the text is read.
   */
  readonly previous?: Reading;
  /** Ends the reading, which then rejects with the signal's reason. Default: never. */
  readonly signal?: AbortSignal;
}

/** Parses and validates a text; `file` is what places and issues call it. Never rejects for bad input. */
export async function readText(
  text: string | Uint8Array,
  file: string,
  { previous, signal }: ReadOptions = {},
): Promise<Reading> {
  const known = previous?.parts;
  const parts = new Map<string, ReadPart>();
  const read: ReadPart[] = [];
  const joined = joinResources();
  const slice = new Slice(signal);
  for (const parsed of parseParts(text, { file }, known)) {
    if (slice.isSpent()) await slice.next();
    if (parsed === undefined) continue;
    const earlier = known?.get(parsed.text);
    const part = earlier === parsed ? earlier : await checkPart(parsed, earlier, slice);
    read.push(part);
    for (const checked of part.checked) joined.add(checked);
    if (!parts.has(part.text)) parts.set(part.text, part);
  }
  const { resources, issues: found } = joined.result;
  const issues = [...read.flatMap((part) => [...part.issues, ...part.faults]), ...found].sort(byPlace);

  await slice.next();
  const valid = new Set(resources.map(resourceKey));
  const refused = new Set<string>();
  for (const part of read) {
    if (slice.isSpent()) await slice.next();
    for (const resource of [...part.resources, ...part.refused.map(({ resource }) => resource)]) {
      const key = resourceKey(resource);
      if (!valid.has(key)) refused.add(key);
    }
  }
  let whole = true;
  for (const { severity, resource } of issues) {
    if (severity !== 'error') continue;
    if (resource === undefined) whole = false;
    else {
      const key = resourceKey({ kind: resource.kind, metadata: resource });
      if (!valid.has(key)) refused.add(key);
    }
  }
  return { resources, issues, refused: [...refused], whole, parts };
}

async function checkPart(parsed: ParsedPart, earlier: ReadPart | undefined, slice: Slice): Promise<ReadPart> {
  const checked: CheckedResource[] = [];
  for (const [index, resource] of parsed.resources.entries()) {
    checked.push(checkOne(resource, {}, earlier?.checked[index]));
    if (slice.isSpent()) await slice.next();
  }
  const faults: Issue[] = [];
  for (const refused of parsed.refused) {
    faults.push(...faultsOf(refused));
    if (slice.isSpent()) await slice.next();
  }
  return { ...parsed, checked, faults };
}
