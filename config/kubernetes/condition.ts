/**
 * What is told of a refused rule on the object itself: a condition, and the patch that sets or removes it. Pure.
 *
 * Source: istio.io/api `meta/v1alpha1/status.proto` (IstioCondition); Kubernetes `docs/concepts/overview/
 * working-with-objects` (who reports under a name of its own puts its domain before it).
 */
import { formatPath, type Issue } from '../../router/issue.ts';
import type { KubernetesObject } from './reflector.ts';

/** The type of our condition: `False` on an object that is refused; absent on one that is taken. */
export const CONDITION_TYPE = 'pointsman.dev/Accepted';

/** One of `status.conditions`. */
export interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly observedGeneration?: number | string;
}

/** An object with what may stand in its status. */
export interface ObjectWithStatus extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly Condition[] | null } | null;
}

/** As JSON merge patch: it holds for this version of the object alone. */
export interface StatusPatch {
  readonly metadata: { readonly resourceVersion?: string };
  /** Null removes the list. */
  readonly status: { readonly conditions: readonly Condition[] | null };
}

const ISSUES = 3;
const MESSAGE_LENGTH = 1000;

/** Why an object is refused, in one line; undefined for one that is taken. */
export function refusalOf(issues: readonly Issue[]): string | undefined {
  const errors = issues.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return undefined;
  const told = errors
    .slice(0, ISSUES)
    .map(({ code, message, path }) => `${code}: ${message}${path ? ` (${formatPath(path)})` : ''}`);
  if (errors.length > ISSUES) told.push(`and ${errors.length - ISSUES} more`);
  return told.join('; ').slice(0, MESSAGE_LENGTH);
}

/**
 * What to change so that an object says whether it is refused; undefined where it says so already. Conditions of
 * others stay as they are.
 * @param now ISO time, of a condition that was not there before.
 */
export function statusPatch(
  { metadata, status }: ObjectWithStatus,
  refusal: string | undefined,
  now: string,
): StatusPatch | undefined {
  const conditions = status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === CONDITION_TYPE);
  const after = refusal === undefined ? undefined : conditionOf(metadata.generation, refusal, before, now);
  if (after === undefined ? before === undefined : saysTheSame(before, after)) return undefined;
  const others = conditions.filter((each) => each !== before);
  const all = after === undefined ? others : [...others, after];
  return {
    metadata: {
      ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
    },
    status: { conditions: all.length === 0 ? null : all },
  };
}

function conditionOf(
  generation: number | undefined,
  message: string,
  before: Condition | undefined,
  now: string,
): Condition {
  const since = before?.status === 'False' ? before.lastTransitionTime : undefined;
  return {
    type: CONDITION_TYPE,
    status: 'False',
    reason: 'Refused',
    message,
    lastTransitionTime: since ?? now,
    ...(generation !== undefined && { observedGeneration: generation }),
  };
}

function saysTheSame(before: Condition | undefined, after: Condition): boolean {
  return (
    before !== undefined &&
    before.status === after.status &&
    before.reason === after.reason &&
    before.message === after.message &&
    // A server may give it as text.
    Number(before.observedGeneration ?? -1) === Number(after.observedGeneration ?? -1)
  );
}
