/**
 * Runs cases written for istio-config-validator by what Istio with Envoy does, and tells where that tool would have
 * come to the other verdict. Imports the workbench.
 */
import type { RouteRequest } from '../../router/index.ts';
import type { HTTPRoute } from '../../router/schema/virtual-service.ts';
import { byteText } from '../../router/table/byte-text.ts';
import type { Client } from '../client.ts';
import { type Arrival, createArrival, type Try } from '../client-trial.ts';
import type { RuleSet } from '../rule-set.ts';
import { byteHeaders, toRouteRequest } from '../written-request.ts';
import type { CoverageNotes } from './coverage.ts';
import type { CaseResult } from './run.ts';
import type { Input, ValidatorCase } from './validator-case.ts';
import { compareRule, type Taken, theirVerdict, type VirtualService } from './validator-verdict.ts';

/** Runs each input of each case. */
export function runValidatorCases(
  rules: RuleSet,
  cases: readonly ValidatorCase[],
  attempt: Try,
  coverage: CoverageNotes,
): CaseResult[] {
  const services = rules.resources.filter((each) => each.kind === 'VirtualService');
  const arriving = createArrival(rules);
  return cases.flatMap((testCase) => runCase(testCase, services, attempt, arriving, coverage));
}

function runCase(
  testCase: ValidatorCase,
  services: readonly VirtualService[],
  attempt: Try,
  arriving: Arrival,
  coverage: CoverageNotes,
): CaseResult[] {
  const { description: name, file, line, expected, wantMatch } = testCase;
  return testCase.inputs.map((input) => {
    const client = clientFor(input, services);
    const request = arriving(requestOf(input), client);
    const trial = attempt(request, client);
    coverage.note(trial);
    const rule = trial.outcomes[0]?.decision.rule;
    const resource =
      rule &&
      services.find(({ metadata }) => metadata.name === rule.name && metadata.namespace === rule.namespace);
    const taken = resource && rule?.index !== undefined ? { resource, index: rule.index } : undefined;
    const mismatches = compareRule(realRule(taken, services), expected, wantMatch);
    const theirs = theirVerdict(input, services, expected, wantMatch);
    const isPassed = mismatches.length === 0;
    const validator = theirs.passes === isPassed ? undefined : theirs.reason(taken);
    return { name, file, line, request, client, mismatches, ...(validator !== undefined && { validator }) };
  });
}

function requestOf({ authority, method, uri, headers }: Input): RouteRequest {
  const list = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const written = {
    url: `http://${authority}${uri.startsWith('/') ? '' : '/'}${uri}`,
    method,
    headers: list,
  };
  return (
    toRouteRequest(written, 80) ?? {
      method,
      scheme: 'http',
      authority: byteText(authority),
      path: byteText(uri),
      headers: byteHeaders(list),
      port: 80,
    }
  );
}

/** The tool knows no gateways: the mesh where a VirtualService for the host is bound to it, else their first gateway. */
function clientFor({ authority }: Input, services: readonly VirtualService[]): Client {
  const host = authority.replace(/:\d+$/, '').toLowerCase();
  const own = services.filter(({ spec }) =>
    (spec.hosts ?? []).some(
      (each) => each.toLowerCase() === host || (each.startsWith('*') && host.endsWith(each.slice(1))),
    ),
  );
  const gateways = own.flatMap(({ spec }) => (spec.gateways?.length ? spec.gateways : ['mesh']));
  const namespace = own[0]?.metadata.namespace ?? 'default';
  if (gateways.length === 0 || gateways.includes('mesh')) return { namespace };
  const [gateway = ''] = gateways;
  return { namespace, gateway: gateway.includes('/') ? gateway : `${namespace}/${gateway}` };
}

/** The rule that Envoy carries out: a delegate's has what it leaves out from the rule that delegates to it. */
function realRule(taken: Taken | undefined, services: readonly VirtualService[]): HTTPRoute {
  if (!taken) return {};
  const { resource, index } = taken;
  const rule = resource.spec.http?.[index] ?? {};
  if ((resource.spec.hosts ?? []).length > 0) return rule;
  const root = services
    .flatMap(({ spec, metadata }) => (spec.http ?? []).map((each) => ({ each, metadata })))
    .find(
      ({ each: { delegate }, metadata }) =>
        delegate?.name === resource.metadata.name &&
        (delegate.namespace || metadata.namespace) === resource.metadata.namespace,
    )?.each;
  return { ...root, ...rule };
}
