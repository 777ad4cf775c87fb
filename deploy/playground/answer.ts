/**
 * What the playground answers to texts and a request that somebody typed: the verdict of `check`, `explain`, `diff`.
 * Text in, text out; knows no page. Imports the router, the workbench and what judges rules for `check`.
 */

import {
  createRouter,
  formatExplanation,
  formatIssue,
  parse,
  type ValidResource,
  validate,
} from '../../router/index.ts';
import { assumedSubsets } from '../../workbench/assumed-service.ts';
import { checkTexts } from '../../workbench/check/index.ts';
import { diffRules } from '../../workbench/diff/index.ts';
import { diffText } from '../../workbench/diff/text.ts';
import { createRuleSet } from '../../workbench/rule-set.ts';
import {
  METHOD,
  parseHeaderLine,
  toRouteRequest,
  type WrittenHeader,
} from '../../workbench/written-request.ts';

/** How hard automata are tried: a second or so, as the page stands still meanwhile. */
const MAX_STEPS = 4_000_000;

/** One text of rules, judged. */
export interface Side {
  /** What is fit to route by. */
  readonly resources: readonly ValidResource[];
  /** How many of the issues are errors; with any, `resources` lacks something. */
  readonly errors: number;
  /** A line for each issue, else how many resources there are. */
  readonly verdict: string;
}

/** Judges `text` as `check` does a file named `file`. Never throws for bad input. */
export function judge(text: string, file: string): Side {
  const { issues } = checkTexts([{ file, bytes: new TextEncoder().encode(text) }], { maxSteps: MAX_STEPS });
  const { resources } = validate(parse(text, { file }).resources);
  return {
    resources,
    errors: issues.filter(({ severity }) => severity === 'error').length,
    verdict:
      // Without the line and its caret, which a narrow column would wrap.
      issues.map(({ excerpt: _, ...issue }) => formatIssue(issue)).join('\n') ||
      `${resources.length} valid ${resources.length === 1 ? 'resource' : 'resources'}`,
  };
}

/** A request as it stands in the page's boxes. */
export interface TypedRequest {
  /** Default `GET`. */
  readonly method: string;
  readonly url: string;
  /** A header a line, `user: admin`. */
  readonly headers: string;
}

/**
 * What `explain` says of the request, or what is wrong with how it is written. Subsets of a host without a
 * DestinationRule are assumed to be there, as `diff` does.
 */
export function explain({ resources }: Side, { method, url, headers }: TypedRequest): string {
  const read: WrittenHeader[] = [];
  for (const line of headers.split('\n').map((each) => each.trim())) {
    if (line === '') continue;
    const header = parseHeaderLine(line);
    if (header === undefined) return `Cannot read the header "${line}": write it like user: admin`;
    read.push(header);
  }
  const asked = method.trim() || 'GET';
  if (!METHOD.test(asked)) return `Cannot read the method "${asked}": write it like POST`;
  const request = toRouteRequest({ url: url.trim(), method: asked, headers: read });
  if (request === undefined) return `Cannot read the URL "${url}": write it like http://reviews/api`;
  const { tableFor } = createRuleSet([...resources, ...assumedSubsets(resources)]);
  const table = tableFor({}, [request.port]);
  return formatExplanation(createRouter(table).explain(request));
}

/** What `diff` says of the two sides, or why it says nothing. */
export function compare(before: Side, after: Side): string {
  if (before.errors + after.errors > 0) return 'Not compared, as not all of the rules are valid';
  return diffText(diffRules(before.resources, after.resources, { maxSteps: MAX_STEPS }));
}
