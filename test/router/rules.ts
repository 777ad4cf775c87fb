/** Routers for tests, from YAML as people write it. */
import assert from 'node:assert/strict';
import {
  type CompileOptions,
  compile,
  createRouter,
  type Decision,
  parse,
  type RouteRequest,
  type Router,
  type RouteTable,
  type Service,
  validate,
} from '../../router/index.ts';

/** A Kubernetes service with one HTTP port, and an endpoint for each version. */
export function service(
  name: string,
  versions: readonly string[],
  namespace = 'default',
  port = 80,
): Service {
  return {
    host: `${name}.${namespace}.svc.cluster.local`,
    namespace,
    ports: [{ name: 'http', number: port, protocol: 'HTTP' }],
    endpoints: versions.map((version) => ({
      id: `${name}-${version}`,
      labels: { version },
      target: { kind: 'in-process' },
    })),
  };
}

const SERVICES: readonly Service[] = [
  service('greeter', ['v1', 'v2']),
  service('other', ['v1']),
  service('empty', []),
];

/** The table of resources that have to be valid. */
export function tableOf(yaml: string, options: CompileOptions = {}): RouteTable {
  const parsed = parse(yaml, { file: 'rules.yaml' });
  const { resources, issues } = validate(parsed.resources);
  const errors = [...parsed.issues, ...issues].filter(({ severity }) => severity === 'error');
  assert.deepEqual(
    errors.map(({ message }) => message),
    [],
  );
  return compile(resources, { services: SERVICES, ...options }).table;
}

/** See {@link tableOf}. */
export function routerOf(yaml: string, options: CompileOptions = {}): Router {
  return createRouter(tableOf(yaml, options));
}

/** The resources of a VirtualService for host `greeter` with these `http` rules, in YAML's flow style. */
export function rules(http: string): string {
  return `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: rules}, spec: {hosts: [greeter], http: ${http}}}`;
}

/** A GET of a path of `greeter` on port 80 over HTTP/1.1, but for what is given. */
export function get(path: string, more: Partial<RouteRequest> = {}): RouteRequest {
  return { method: 'GET', scheme: 'http', authority: 'greeter', path, headers: [], port: 80, ...more };
}

/** In one line where a decision sends a request: `CLUSTER AUTHORITY PATH`, or `STATUS LOCATION-OR-BODY`. */
export function told(decision: Decision): string {
  if (decision.kind === 'forward') {
    return `${decision.cluster} ${decision.request.authority} ${decision.request.path}`;
  }
  const location = decision.headers.find(([name]) => name === 'location')?.[1];
  return `${decision.status} ${location ?? decision.body}`.trim();
}
