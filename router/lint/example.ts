/**
 * Requests that show what is found, each as a line to paste into a shell, with the options by which `explain` follows
 * it. Imports the algebra of regions.
 */
import { curlOf, type ExampleRequest, quote, requestOf } from '../region/example.ts';
import type { Sample } from '../region/reach.ts';
import type { Region } from '../region/requirement.ts';
import type { HostWorld } from './host-world.ts';

/** What the rules of a list speak of: the ids of dimensions, each with the names that it is compared with. */
export type Spoken = ReadonlyMap<string, ReadonlySet<string>>;

/** See {@link Spoken}. */
export function spokenOf(regions: readonly Region[]): Spoken {
  const spoken = new Map<string, Set<string>>();
  for (const { requirements } of regions) {
    for (const each of requirements) {
      const names = spoken.get(each.dimension.id) ?? new Set();
      spoken.set(each.dimension.id, names);
      if (each.kind === 'name') for (const name of each.names) names.add(name);
    }
  }
  return spoken;
}

/**
 * `curl URL`, and behind `#` who sends it, at which port and through which gateway, where that is not the usual:
 * `curl http://reviews/ # explain --namespace shop --labels app=web`. Undefined for a request that curl cannot send.
 */
export function exampleLine(sample: Sample, world: HostWorld, spoken: Spoken): string | undefined {
  const example = arriving(requestOf(sample, world, 0), world, spoken.get('port'));
  const { scheme, path } = example.request;
  // Of a path, not of a query, it escapes what is beyond ASCII.
  if (!/^https?$/.test(scheme) || !/^\/[!-~]*(?:\?.*)?$/s.test(path)) return undefined;
  const namespace = clientNamespace(example, world, spoken);
  if (!world.exportTo.includes('*') && !world.exportTo.includes(namespace)) return undefined;
  const options = [
    ...portOption(example),
    ...(example.gateway === 'mesh' ? [] : ['--gateway', example.gateway]),
    ...(namespace === DEFAULT_NAMESPACE ? [] : ['--namespace', namespace]),
    ...labelOption(example),
  ];
  const line = curlOf(example, spoken);
  return options.length === 0 ? line : `${line} # explain ${options.map(quote).join(' ')}`;
}

/** The request at the port that a rule asks for, else at the usual one, and by https where it ends TLS. */
function arriving(
  { request, ...sender }: ExampleRequest,
  world: HostWorld,
  named: ReadonlySet<string> = new Set(),
): ExampleRequest {
  const ports = world.portsOf(sender.gateway);
  const usual = ports.find(({ number }) => !named.has(String(number)));
  const port = request.port || (usual?.number ?? otherPort(ports[0]?.number ?? 80, named));
  const isTls = ports.find(({ number }) => number === port)?.isTls ?? false;
  // A scheme that a rule asks for stays.
  return { ...sender, request: { ...request, port, ...(isTls && !request.http2 && { scheme: 'https' }) } };
}

/** The usual port, or one above it that no rule names. */
function otherPort(usual: number, named: ReadonlySet<string>): number {
  let port = usual;
  while (named.has(String(port))) port++;
  return port;
}

function portOption({ request: { scheme, authority, port } }: ExampleRequest): string[] {
  const own = Number(/:(\d+)$/.exec(authority)?.[1] ?? (scheme === 'https' ? 443 : 80));
  return own === port ? [] : ['--port', String(port)];
}

const DEFAULT_NAMESPACE = 'default';

/** The usual one, but where a rule asks for another, where the rules are for some alone, and for bare names. */
function clientNamespace(
  { namespace, gateway, request: { authority } }: ExampleRequest,
  world: HostWorld,
  spoken: Spoken,
): string {
  const asked = spoken.get('namespace');
  const isArriving = world.arrives({ authority, gateway, namespace: DEFAULT_NAMESPACE });
  if (asked === undefined && isArriving && world.exportTo.includes('*')) return DEFAULT_NAMESPACE;
  return namespace ?? elsewhere(asked);
}

/** A namespace that no rule names. */
function elsewhere(named: ReadonlySet<string> = new Set()): string {
  let name = DEFAULT_NAMESPACE;
  while (named.has(name)) name = name === DEFAULT_NAMESPACE ? 'elsewhere' : `${name}-x`;
  return name;
}

function labelOption({ labels }: ExampleRequest): string[] {
  const words = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return words.length === 0 ? [] : ['--labels', words.join(',')];
}
