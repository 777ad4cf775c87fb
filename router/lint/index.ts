/**
 * What is likely wrong in rules that Istio takes: rules that are never taken, hosts claimed twice, subsets that
 * are nowhere. Pure. Imports the compiler and the schema.
 */
import type { MeshConfig } from '../compile/option.ts';
import { createReport } from '../compile/report.ts';
import { prepareVirtualServices } from '../compile/virtual-service.ts';
import type { Issue, IssueCode } from '../issue.ts';
import type { Workspace } from '../region/partition.ts';
import type { ValidResource } from '../schema/kind.ts';
import type { PathNormalization } from '../table/route-table.ts';
import { lintDelegates, withLeftOutExamples } from './delegate.ts';
import { lintDestinationRules } from './destination-rule.ts';
import { lintEnvoyRefusals } from './envoy-refusal.ts';
import { lintHeaderFormats } from './header-format.ts';
import { lintHosts } from './host.ts';
import { requestPorts } from './port.ts';
import { lintRegexes } from './regex.ts';
import { judgeRules, type RuleVerdicts } from './rule.ts';
import { lintSubsets } from './subset.ts';

/** See {@link lint}. */
export interface LintOptions {
  /** Default: Istio's. Of its fields `pathNormalization` and `defaultVirtualServiceExportTo` count. */
  readonly meshConfig?: Pick<MeshConfig, 'pathNormalization' | 'defaultVirtualServiceExportTo'>;
  /** Steps of automata that may be spent on comparing rules. Default 20,000,000, some seconds. */
  readonly maxSteps?: number;
}

const MAX_STEPS = 20_000_000;

/** The codes of what {@link lint} finds, in the order of `docs/lint.md`. */
export const LINT_CODES = [
  'rule-never-taken',
  'match-never-taken',
  'match-impossible',
  'host-conflict',
  'subset-missing',
  'destination-rule-conflict',
  'regex-plain',
  'header-format',
  'envoy-refuses',
  'delegate-not-found',
  'delegate-not-visible',
  'delegate-match-conflict',
  'delegate-unused',
  'annotation',
] as const satisfies readonly IssueCode[];

/**
 * Warnings about resources that are valid, in the order of their places. What is said of a rule holds for every
 * client, port and gateway that obeys these resources; where the limits do not allow a proof, nothing is said.
 */
export function lint(resources: readonly ValidResource[], options: LintOptions = {}): Issue[] {
  return [...lintReport(resources, options).issues];
}

/** What {@link lint} finds, with what it knows of rules that are taken, and how many it cannot decide. */
export function lintReport(resources: readonly ValidResource[], options: LintOptions = {}): RuleVerdicts {
  const { meshConfig = {}, maxSteps = MAX_STEPS } = options;
  const workspace: Workspace = { steps: maxSteps, automata: new Map() };
  const report = createReport();
  const virtualServices = resources.filter((each) => each.kind === 'VirtualService');
  const prepared = prepareVirtualServices(virtualServices, meshConfig.defaultVirtualServiceExportTo, report);
  const normalization = normalizationOf(meshConfig.pathNormalization?.normalization);
  const rules = judgeRules(prepared, { normalization, workspace, portsOf: requestPorts(resources) });
  const issues = [
    ...withLeftOutExamples(report.issues, prepared, virtualServices, rules),
    ...rules.issues,
    ...lintHosts(prepared, virtualServices, rules),
    ...lintSubsets(resources, rules),
    ...lintDestinationRules(resources),
    ...lintRegexes(resources, rules),
    ...lintHeaderFormats(resources, rules),
    ...lintEnvoyRefusals(resources, rules),
    ...lintDelegates(resources),
  ].sort(byPlace);
  return { ...rules, issues };
}

function byPlace(one: Issue, other: Issue): number {
  const [file, otherFile] = [one.file ?? '', other.file ?? ''];
  if (file !== otherFile) return file < otherFile ? -1 : 1;
  return (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0);
}

/** Istio's default is `BASE`. */
function normalizationOf(word: string | undefined): PathNormalization {
  return word === 'NONE' || word === 'MERGE_SLASHES' || word === 'DECODE_AND_MERGE_SLASHES' ? word : 'BASE';
}
