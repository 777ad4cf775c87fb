/**
 * The rule engine's whole public API: text -> `parse` -> resources -> `validate` -> `compile` -> table ->
 * `route` and `explain`. Pure: no I/O, no clock, no chance of its own; runs on any runtime.
 */
export { type Compilation, compile, compileInSteps } from './compile/index.ts';
export type { CompileOptions, MeshConfig, ProxyOptions } from './compile/option.ts';
export * from './issue.ts';
export { LINT_CODES, type LintOptions, lint, lintReport } from './lint/index.ts';
export {
  type ParsedPart,
  type ParseOptions,
  type ParseResult,
  parse,
  parseParts,
  type RefusedResource,
} from './parse/index.ts';
export * from './route/index.ts';
export type { Kind, SpecByKind, ValidResource, ValidResourceOf } from './schema/kind.ts';
export * from './schema/resource.ts';
export { finish, type Steps } from './steps.ts';
export type * from './table/cluster.ts';
export type * from './table/decision.ts';
export type * from './table/explanation.ts';
export type * from './table/request.ts';
export type * from './table/route-table.ts';
export type * from './table/router.ts';
export type * from './table/server-tls.ts';
export {
  type CheckedResource,
  checkOne,
  faultsOf,
  joinResources,
  type ValidateOptions,
  type ValidateResult,
  validate,
} from './validate/index.ts';
export { type DocumentVerdict, type IstioStage, verdicts } from './verdict/index.ts';
