/** What a text holds, for every source that reads texts: its valid resources, and what of it is refused. */
import { type Issue, parse, resourceKey, validate } from '../router/index.ts';
import type { ValidResource } from '../router/schema/kind.ts';

/** A text as read. */
export interface Reading {
  /** In the order written. */
  readonly resources: readonly ValidResource[];
  readonly issues: readonly Issue[];
  /** Keys of the resources that are there and refused. */
  readonly refused: readonly string[];
  /** False when a part could not be made out at all, so that nobody can say which resources it held. */
  readonly whole: boolean;
}

/** Parses and validates a text; `file` is what places and issues call it. Never throws for bad input. */
export function readText(text: string | Uint8Array, file: string): Reading {
  const parsed = parse(text, { file });
  const validated = validate(parsed.resources);
  const issues = [...parsed.issues, ...validated.issues];
  const valid = new Set(validated.resources.map(resourceKey));
  const refused = new Set(parsed.resources.map(resourceKey).filter((key) => !valid.has(key)));
  let whole = true;
  for (const { severity, resource } of issues) {
    if (severity !== 'error') continue;
    if (resource === undefined) whole = false;
    else {
      const key = resourceKey({ kind: resource.kind, metadata: resource });
      if (!valid.has(key)) refused.add(key);
    }
  }
  return { resources: validated.resources, issues, refused: [...refused], whole };
}
