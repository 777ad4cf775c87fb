/**
 * A recorded case as data: the world it was recorded in, the requests, and what real Istio with Envoy did.
 * The format is described in the corpus' own README. Reads files.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type CompileOptions,
  parse,
  type Service,
  type ValidResource,
  validate,
} from '../../router/index.ts';

/** One recorded case. */
export interface Case {
  readonly name: string;
  readonly world: CaseWorld;
  readonly expected: Expected;
  readonly resources: readonly ValidResource[];
  readonly options: CompileOptions;
  /** By `record/`, whose upstreams frame their answers otherwise than those of the cases that came from elsewhere. */
  readonly isRecordedHere: boolean;
}

/** `case.json`. */
export interface CaseWorld {
  readonly features: readonly string[];
  readonly proxy: {
    readonly type: 'sidecar' | 'router';
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly services: readonly CaseService[];
  readonly meshConfig?: NonNullable<CompileOptions['meshConfig']>;
  readonly requests: readonly CaseRequest[];
}

interface CaseService {
  readonly host: string;
  readonly namespace: string;
  readonly externalName?: string;
  readonly headless?: boolean;
  readonly ports: readonly { readonly name: string; readonly number: number; readonly protocol: string }[];
  readonly endpoints: readonly {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly down?: boolean;
  }[];
}

/** One request as it goes on the wire. */
export interface CaseRequest {
  readonly id: string;
  readonly proto: 'h1' | 'h2';
  readonly port: number;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly scheme?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly bodyB64?: string;
  /** Over TLS, with this name. */
  readonly sni?: string;
  /** Sent that often, `parallel` at a time, and only counted. */
  readonly repeat?: number;
  readonly parallel?: number;
  /** Before it is sent. */
  readonly waitMs?: number;
  /** The time to its answer was recorded. */
  readonly timed?: boolean;
  /** What the upstream does on each try; the last one for all later ones. */
  readonly upstream?: readonly ScriptedAnswer[];
}

/** What an upstream does on one try. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Headers | HeaderPairs;
  readonly delayMs?: number;
  /** No answer: the connection closed, or the stream reset. */
  readonly reset?: boolean;
  readonly grpcStatus?: number;
  /** `grpcStatus` in the header block. */
  readonly trailersOnly?: boolean;
}

type HeaderPairs = readonly (readonly [string, string])[];
type Headers = Readonly<Record<string, string | readonly string[]>>;

/** `expected.json`. */
export interface Expected {
  /** Only of cases that were not recorded here. */
  readonly endpointAddresses?: Readonly<Record<string, string>>;
  readonly results: readonly ExpectedResult[];
  readonly varies?: Readonly<Record<string, readonly string[]>>;
}

/** Header values by name. */
export type HeaderValues = Readonly<Record<string, readonly string[]>>;

/** What happened to one request. */
export interface ExpectedResult {
  readonly id: string;
  readonly status?: number;
  readonly headers?: HeaderValues;
  readonly trailers?: HeaderValues;
  readonly body?: string;
  readonly error?: string;
  readonly route?: string;
  readonly cluster?: string;
  readonly destination?: { readonly host: string; readonly subset?: string; readonly port: number };
  readonly upstream?: ExpectedUpstream;
  readonly mirrors?: readonly ExpectedUpstream[];
  readonly responseFlags?: string;
  readonly responseCodeDetails?: string;
  /** Tries that reached an upstream. */
  readonly attempts?: number;
  readonly attemptEndpoints?: readonly string[];
  readonly elapsedMs?: number;
  readonly counts?: {
    readonly total: number;
    readonly status?: Readonly<Record<string, number>>;
    readonly cluster?: Readonly<Record<string, number>>;
    readonly endpoint?: Readonly<Record<string, number>>;
    readonly mirror?: Readonly<Record<string, number>>;
  };
}

/** A request as an upstream saw it. */
export interface ExpectedUpstream {
  readonly endpoint: string;
  readonly proto: 'h1' | 'h2';
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: HeaderValues;
  readonly body?: string;
}

/** Resources without `creationTimestamp` are all of this moment. */
const RECORDED_AT = '2026-01-01T00:00:00Z';

/** The case folders below `path`, or `path` itself if it is one. */
export function caseFolders(path: string): string[] {
  if (existsSync(join(path, 'case.json'))) return [path];
  return readdirSync(path)
    .sort()
    .map((name) => join(path, name))
    .filter((folder) => existsSync(join(folder, 'case.json')));
}

/** Reads a case. Throws when its own resources are refused: the recorded ones never are. */
export function readCase(folder: string): Case {
  const world: CaseWorld = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
  const expected: Expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
  return caseOf(basename(folder), readFileSync(join(folder, 'config.yaml')), world, expected);
}

/** A case of its parts. Throws as {@link readCase} does. */
export function caseOf(name: string, yaml: string | Uint8Array, world: CaseWorld, expected: Expected): Case {
  const parsed = parse(yaml, { file: 'config.yaml' });
  const dated = parsed.resources.map((resource) => ({
    ...resource,
    metadata: { creationTimestamp: RECORDED_AT, ...resource.metadata },
  }));
  const { resources, issues } = validate(dated);
  const refused = [...parsed.issues, ...issues].find(({ severity }) => severity === 'error');
  if (refused) throw new Error(`Cannot use case ${name}: ${refused.message}`);
  const isRecordedHere = expected.endpointAddresses === undefined;
  return { name, world, expected, resources, options: optionsOf(world), isRecordedHere };
}

function optionsOf({ proxy, services, meshConfig }: CaseWorld): CompileOptions {
  return { proxy, services: services.map(toService), ...(meshConfig && { meshConfig }) };
}

function toService(
  { host, namespace, externalName, headless, ports, endpoints }: CaseService,
  index: number,
): Service {
  return {
    host,
    namespace,
    ports,
    addresses: externalName === undefined && !headless ? [`10.96.0.${10 + index}`] : [],
    ...(externalName !== undefined && { externalName }),
    ...(headless && { resolution: 'NONE' as const }),
    creationTimestamp: RECORDED_AT,
    endpoints: endpoints.map((endpoint) => ({
      id: endpoint.name,
      labels: endpoint.labels ?? {},
      target: { kind: 'in-process' },
    })),
  };
}
