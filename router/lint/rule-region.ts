/** The requests that a rule of a VirtualService takes, its senders included. Imports the compiler of matches and the schema. */
import { compileMatch, isCatchAll } from '../compile/match.ts';
import { isWhole, name, type Region, type Requirement, requestRequirements } from '../region/requirement.ts';
import type { HTTPMatchRequest } from '../schema/virtual-service.ts';

/**
 * The region of a match; of a rule without one, of every request.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (IsCatchAllRoute): rules after one that takes every
 * path are left out, so that they miss even the requests without a path, `OPTIONS *`.
 */
export function regionOf(match: HTTPMatchRequest | undefined): Region {
  const compiled = compileMatch(match);
  const claims = [...Object.keys(match?.headers ?? {}), ...Object.keys(match?.withoutHeaders ?? {})];
  const whole = isWhole(compiled) && !claims.some((name) => /^@request\.auth\.claims/i.test(name));
  const sender = senderRequirements(match);
  const requirements = [...requestRequirements(compiled), ...sender];
  return { requirements, whole, kept: isCatchAll(compiled, match) ? sender : requirements };
}

/** True for a rule after which its VirtualService has no others. */
export function takesAll({ requirements, kept }: Region): boolean {
  return kept !== requirements;
}

/**
 * Port, gateway and client. With gateways of its own a match does not look at the client.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (sourceMatchHTTP).
 */
function senderRequirements(match: HTTPMatchRequest | undefined): Requirement[] {
  if (!match) return [];
  const { port, gateways, sourceLabels, sourceNamespace } = match;
  const requirements: Requirement[] = port ? [name('port', [String(port)])] : [];
  if (gateways?.length) return [...requirements, name('gateway', gateways)];
  for (const [label, value] of Object.entries(sourceLabels ?? {})) {
    requirements.push(name(`label ${label}`, [value]));
  }
  if (sourceNamespace) requirements.push(name('namespace', [sourceNamespace]));
  return requirements;
}
