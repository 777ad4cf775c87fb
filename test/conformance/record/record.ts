/** Plays cases to real Istio and Envoy, and writes down what happened as `expected.json` has it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Received, type SentRequest, send } from './client.ts';
import { type AccessLine, type CasePart, casePart, readAccessLog, startWithParts } from './envoy.ts';
import type { Generated, IstioVerdict, Pilot } from './pilot.ts';
import { createUpstreams, type Seen, type UpstreamStep } from './upstream.ts';

/** The version of the real ones, as `expected.json` names them. */
export const ORACLE = {
  envoy: '1.40.0',
  istio: 'istio.io/istio v0.0.0-20260827124520-eed52ebb66ad',
};

/** What is to be recorded. */
export interface CaseToRecord {
  readonly name: string;
  readonly yaml: string;
  readonly world: {
    readonly services: readonly {
      readonly endpoints: readonly { readonly name: string; readonly down?: boolean }[];
    }[];
    readonly requests: readonly RecordedRequest[];
  };
}

/** One request of `case.json`. */
export interface RecordedRequest extends SentRequest {
  readonly id: string;
  readonly port: number;
  readonly upstream?: readonly UpstreamStep[];
  /** Before sending. */
  readonly waitMs?: number;
}

/** `expected.json` and `envoy.json`, or why there are none. */
export interface Recording {
  readonly name: string;
  readonly error?: string;
  // biome-ignore lint/suspicious/noExplicitAny: written as JSON
  readonly expected?: any;
  // biome-ignore lint/suspicious/noExplicitAny: written as JSON
  readonly envoy?: any;
  /** Names of endpoints by cluster, of those that Envoy asks for. */
  readonly endpoints?: Generated['endpoints'];
}

/** Records cases in one Envoy. A case that pilot or Envoy refuses has an `error`. */
export async function record(
  cases: readonly CaseToRecord[],
  pilot: Pilot,
  program: string,
): Promise<Recording[]> {
  const folder = mkdtempSync(join(tmpdir(), 'record-'));
  const logFile = join(folder, 'access.log');
  const upstreams = createUpstreams();
  const { ports, release } = await reservePorts(cases.length * 14 + 10);
  const freePort = () => {
    const port = ports.pop();
    if (port === undefined) throw new Error('no free port is left');
    return port;
  };
  try {
    writeFileSync(logFile, '');
    const parts: CasePart[] = [];
    const ready: {
      index: number;
      part: CasePart;
      generated: Generated;
      verdicts: readonly IstioVerdict[];
    }[] = [];
    const recordings: Recording[] = cases.map(({ name }) => ({ name }));
    for (const [index, each] of cases.entries()) {
      const down = new Set(
        each.world.services.flatMap((service) => service.endpoints.filter((e) => e.down).map((e) => e.name)),
      );
      try {
        const verdicts = await pilot.validate(each.yaml);
        const generated = await pilot.generate(each.yaml, each.world);
        const part = await casePart(
          prefixOf(index),
          generated,
          upstreams,
          (name) => down.has(name),
          freePort,
          logFile,
        );
        parts.push(part);
        ready.push({ index, part, generated, verdicts });
      } catch (error) {
        recordings[index] = { name: each.name, error: String(error) };
      }
    }
    const adminPort = freePort();
    await release();
    const envoy = await startWithParts(program, folder, parts, adminPort);
    const received = new Map<string, Received>();
    try {
      await inParallel(ready, 8, async ({ index, part }) => {
        for (const request of cases[index]!.world.requests) {
          const key = `${index}:${request.id}`;
          if (request.upstream) upstreams.plan(key, request.upstream);
          if (request.waitMs) await new Promise((resolve) => setTimeout(resolve, request.waitMs));
          const port = part.ports.get(request.port);
          received.set(key, port === undefined ? { error: 'no listener' } : await send(port, key, request));
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 400));
    } finally {
      await envoy.stop();
    }
    const lines = readAccessLog(logFile);
    for (const { index, generated, verdicts } of ready) {
      const { name, world } = cases[index]!;
      const results = world.requests.map(({ id }) => {
        const key = `${index}:${id}`;
        return resultOf(id, prefixOf(index), received.get(key) ?? {}, lines.get(key), upstreams.seen(key));
      });
      recordings[index] = {
        name,
        expected: {
          oracle: ORACLE,
          validation: verdicts.map(({ doc, kind, name, valid, error, warning }) => ({
            ...{ doc, kind, name, valid },
            ...(error && { error }),
            ...(warning && { warning }),
          })),
          results,
        },
        envoy: envoyJson(generated, cases[index]!.yaml),
        endpoints: generated.endpoints,
      };
    }
    return recordings;
  } finally {
    upstreams.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Names of a case's clusters and listeners begin so, while it is recorded. */
const prefixOf = (index: number): string => `recorded-${index}/`;

function resultOf(
  id: string,
  prefix: string,
  received: Received,
  line: AccessLine | undefined,
  seen: readonly Seen[],
): object {
  const { body, headers, ...rest } = received;
  const cluster = line?.cluster?.startsWith(prefix) ? line.cluster.slice(prefix.length) : undefined;
  const destination = cluster === undefined ? undefined : destinationOf(cluster);
  const endpoint = headers?.['x-upstream']?.[0];
  const main = seen.filter((each) => each.cluster === cluster);
  // A copy may go to the cluster of the request itself: one try too many.
  const attempts = Math.min(main.length, line?.attempts ?? main.length);
  const last =
    main.filter((each) => endpoint === undefined || each.endpoint === endpoint)[attempts - 1] ?? main[0];
  const copies = [...seen];
  for (const each of main.slice(0, attempts)) copies.splice(copies.indexOf(each), 1);
  return {
    id,
    ...rest,
    ...(headers && { headers: mapValues(headers, (_, value) => value.replaceAll(prefix, '')) }),
    ...(body && { body }),
    ...(line?.route && { route: line.route }),
    ...(cluster !== undefined && { cluster }),
    ...(destination && { destination }),
    ...(received.status !== undefined && { attempts }),
    ...(last && { upstream: upstreamOf(last, prefix) }),
    ...(copies.length > 0 && {
      mirrors: copies
        .map((each) => upstreamOf(each, prefix))
        .sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1)),
    }),
    ...(line?.flags && line.flags !== '-' && { responseFlags: line.flags }),
    ...(line?.details && { responseCodeDetails: line.details }),
  };
}

function destinationOf(cluster: string): object | undefined {
  const [direction, port, subset, host] = cluster.split('|');
  if (direction !== 'outbound' || host === undefined) return undefined;
  return { host, ...(subset && { subset }), port: Number(port) };
}

function upstreamOf({ cluster: _, headers, body, ...seen }: Seen, prefix: string) {
  const isGrpc = headers['content-type']?.[0]?.startsWith('application/grpc');
  const clean = mapValues(headers, (name, value) => anonymous(name, value.replaceAll(prefix, '')));
  return { ...seen, headers: clean, ...(body && !isGrpc && body.length < 200 && { body }) };
}

function mapValues(
  headers: Readonly<Record<string, readonly string[]>>,
  change: (name: string, value: string) => string,
): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(headers)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, values]) => [name, values.map((value) => change(name, value))]),
  );
}

/** What Envoy takes for this machine's own address: that of its first interface. */
const OWN_ADDRESS =
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each && !each.internal && each.family === 'IPv4')?.address ?? '127.0.0.1';

function anonymous(name: string, value: string): string {
  if (name === 'x-forwarded-for') return value.replace(OWN_ADDRESS, '<proxy-ip>');
  return value.replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>');
}

/** Pilot's routes, and the clusters of hosts that a VirtualService or DestinationRule speaks of. */
function envoyJson({ routes, clusters }: Generated, yaml: string): object {
  return {
    routes,
    clusters: clusters.filter(
      ({ name, metadata }) =>
        name.startsWith('outbound|') &&
        (metadata?.filterMetadata?.istio?.config !== undefined || yaml.includes(name.split('|')[3] ?? '?')),
    ),
  };
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
    }),
  );
}

/** Ports that nothing else can take until they are released. */
async function reservePorts(count: number): Promise<{ ports: number[]; release(): Promise<unknown> }> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      // Who comes by chance would keep the port from being released.
      const server = createServer((socket) => socket.destroy());
      return new Promise<typeof server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  const release = () => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { ports, release };
}
