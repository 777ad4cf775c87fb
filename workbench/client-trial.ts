/** Requests of clients under a set of rules: what becomes of each, and where it comes through a gateway. */
import type { RouteRequest } from '../router/index.ts';
import { type RequestPort, requestPorts } from '../router/lint/port.ts';
import { withoutPort } from '../router/route/reference.ts';
import { gatewayOf } from './assumed-gateway.ts';
import type { Client } from './client.ts';
import type { RuleSet } from './rule-set.ts';
import { createTester, type Tester, type Trial } from './trial.ts';

/** Tries requests as a client sends them. */
export type Try = (request: RouteRequest, client: Client) => Trial;

/** Tries requests under the rules. Its tables are kept, so keep it for many requests. */
export function createTry(rules: RuleSet): Try {
  const testers = new Map<string, Tester>();
  return (request, client) => {
    const key = JSON.stringify([client, request.port]);
    let tester = testers.get(key);
    if (tester === undefined) {
      tester = createTester(rules.tableFor(client, [request.port]));
      testers.set(key, tester);
    }
    return tester(request);
  };
}

/** See {@link createArrival}. */
export type Arrival = (request: RouteRequest, client: Client) => RouteRequest;

/**
 * For requests that do not tell by which port they came: through a gateway that the rules have, at their own where it
 * serves their host there, else at its usual one; by https where TLS ends. Others stay as they are.
 */
export function createArrival({ resources }: RuleSet): Arrival {
  const portsOf = requestPorts(resources);
  const known = new Map<string, string | undefined>();
  const nameOf = (client: Client): string | undefined => {
    const key = JSON.stringify(client);
    if (!known.has(key)) {
      const state = gatewayOf(resources, client, []);
      known.set(key, state.kind === 'there' && state.name !== 'mesh' ? state.name : undefined);
    }
    return known.get(key);
  };
  return (request, client) => {
    const name = nameOf(client);
    if (name === undefined) return request;
    const ports = portsOf(withoutPort(request.authority).toLowerCase(), name);
    return at(ports.find(({ number }) => number === request.port) ?? ports[0]!, request);
  };
}

function at({ number: port, isTls }: RequestPort, request: RouteRequest): RouteRequest {
  return { ...request, port, scheme: isTls ? 'https' : request.scheme };
}
