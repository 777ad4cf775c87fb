/**
 * What is wrong with a configuration, and how that is told to people: a stable code, a place, a reason.
 * Everything that reads configuration reports issues; nothing throws for bad input.
 */
import type { FieldPath } from './schema/resource.ts';

/** One finding. `error`: the resource is refused; `warning`: it is taken, and something is likely wrong. */
export interface Issue {
  /** Stable, kebab-case, listed in {@link ISSUE_CODES}. */
  readonly code: IssueCode;
  readonly severity: 'error' | 'warning';
  /** Action, value, reason and what would do, in sentence case without a final period. */
  readonly message: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** `spec.http[0].route` as people write it. */
  readonly path?: FieldPath;
  /** The resource it is about, where one could be made out. */
  readonly resource?: { readonly kind: string; readonly namespace: string; readonly name: string };
  /** The text of {@link line}, for the caret. */
  readonly excerpt?: string;
}

/** Every code with the sentence that explains it in docs. Closed list: codes are never renamed or reused. */
export const ISSUE_CODES = {
  'yaml-syntax': 'The text is not YAML.',
} as const;

/** See {@link ISSUE_CODES}. */
export type IssueCode = keyof typeof ISSUE_CODES;
