/** What rules would do that somebody is still writing: is it valid, what is likely wrong, which requests would move. */
import { readText } from '../../../config/document.ts';
import type { ConfigSnapshot } from '../../../config/store.ts';
import { type Issue, lint, resourceKey, type ValidResource, verdicts } from '../../../router/index.ts';
import { diffRules } from '../../../workbench/diff/index.ts';
import { diffText } from '../../../workbench/diff/text.ts';

/** See {@link reviewText}. */
export interface Review {
  /** Of the configuration that the text is compared with. */
  readonly version: number;
  /** False: the text would be refused. */
  readonly isValid: boolean;
  /** Keys of the text's resources. */
  readonly keys: readonly string[];
  /** What Istio's own tool and a Kubernetes API server say of each document. */
  readonly verdicts: readonly {
    readonly name: string;
    readonly istio: boolean;
    readonly cluster?: boolean;
  }[];
  /** Errors and warnings in the text, and lint's findings that are not there now. */
  readonly issues: readonly Issue[];
  /** Which requests move, in words; or why that is not told. Absent where the text is not valid. */
  readonly difference?: string;
}

/** Beyond this many resources comparing takes longer than one who types should wait, or requests. */
const MAX_RESOURCES = 300;
/** Some tens of milliseconds of automata. */
const MAX_STEPS = 1_000_000;

/** The review of a text against what is in effect. Changes nothing, and never rejects for bad input. */
export async function reviewText(text: Uint8Array, current: ConfigSnapshot, file: string): Promise<Review> {
  const { version } = current;
  const { resources, issues, refused } = await readText(text, file);
  const keys = resources.map(resourceKey);
  const judged = verdicts(text, file);
  const common = {
    version,
    keys,
    // Of blanks and comments there is nothing to say.
    verdicts: judged
      .filter(({ kind, istio }) => kind !== '' || !istio.valid)
      .map(({ kind, name, istio, crd }) => ({
        name: `${kind} ${name}`.trim(),
        istio: istio.valid,
        ...(crd && { cluster: crd.valid }),
      })),
  };
  const own = new Set(issues.map(placedText));
  const theirs = judged
    .flatMap(({ istio, crd }) => [...istio.issues, ...(crd?.issues ?? [])])
    .filter((issue) => !own.has(placedText(issue)));
  const all = [...issues, ...theirs];
  if (refused.length > 0 || resources.length === 0 || issues.some(({ severity }) => severity === 'error'))
    return { ...common, isValid: false, issues: all };
  const after = withChanges(current.resources, resources);
  if (after.length > MAX_RESOURCES)
    return {
      ...common,
      isValid: true,
      issues: all,
      difference: `Not compared while you type, as there are ${after.length} resources: pointsman diff does it`,
    };
  const known = new Set(lint(current.resources, { maxSteps: MAX_STEPS }).map(textOf));
  const found = lint(after, { maxSteps: MAX_STEPS }).filter((issue) => !known.has(textOf(issue)));
  const difference = diffText(diffRules(current.resources, after, { maxSteps: MAX_STEPS }));
  return { ...common, isValid: true, issues: [...all, ...found], difference };
}

/** The resources in their order, those of the same key replaced, new ones at the end. */
function withChanges(before: readonly ValidResource[], changed: readonly ValidResource[]): ValidResource[] {
  const changes = new Map(changed.map((resource) => [resourceKey(resource), resource]));
  const after = before.map((resource) => {
    const key = resourceKey(resource);
    const change = changes.get(key);
    changes.delete(key);
    return change ?? resource;
  });
  return [...after, ...changes.values()];
}

function placedText({ message, line }: Issue): string {
  return `${line ?? ''} ${message}`;
}

function textOf({ code, message, resource }: Issue): string {
  return JSON.stringify([code, message, resource]);
}
