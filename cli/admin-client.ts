/** Speaks with a running gateway's admin port, and says in words why it could not. */
import type { ApplyResult, DeleteResult } from '../config/store.ts';
import type { Issue } from '../router/index.ts';
import { CommandFailure } from './failure.ts';

/** A resource as the admin port gives and takes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: unknown;
}

/** What became of resources that were applied together: of each of them, or why none was taken. */
export type ApplyAnswer =
  | (ApplyResult & { readonly issues: readonly Issue[] })
  | { readonly error: string; readonly issues: readonly Issue[] };

/** One gateway's admin port. Every call throws a {@link CommandFailure} when there is no usable answer. */
export interface AdminClient {
  list(): Promise<readonly Manifest[]>;
  /** Applies all of them as one change, or none. */
  apply(manifests: readonly Manifest[]): Promise<ApplyAnswer>;
  /** Deletes the keys (`KIND/NAMESPACE/NAME`) as one change; results in their order. */
  delete(keys: readonly string[]): Promise<readonly DeleteResult[]>;
}

/** A gateway may have thousands of resources to read before it answers. */
const TIMEOUT_MS = 60_000;

/** A client for `HOST:PORT` or a URL; the token comes from POINTSMAN_ADMIN_TOKEN. */
export function createAdminClient(admin: string): AdminClient {
  const base = /^https?:\/\//.test(admin) ? admin.replace(/\/+$/, '') : `http://${admin}`;
  const token = process.env['POINTSMAN_ADMIN_TOKEN'];

  async function call(
    method: string,
    path: string,
    body?: string,
    type?: string,
  ): Promise<{ status: number; json: unknown }> {
    let response: Response;
    try {
      response = await fetch(`${base}${path}`, {
        method,
        headers: {
          accept: 'application/json',
          ...(token !== undefined && token !== '' && { authorization: `Bearer ${token}` }),
          ...(type !== undefined && { 'content-type': type }),
        },
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw new CommandFailure(
        `Cannot reach the admin port at ${base}: ${causeOf(error)}; is a gateway running there? Start one with "pointsman dev", or name its port with --admin HOST:PORT`,
      );
    }
    let json: unknown;
    try {
      json = await response.json();
    } catch {
      throw new CommandFailure(
        `Cannot use the answer of ${base}: it is no admin port of Pointsman (HTTP ${response.status})`,
      );
    }
    if (response.status === 401 || response.status === 403 || response.status >= 500)
      throw new CommandFailure(errorOf(json, response.status));
    return { status: response.status, json };
  }

  return {
    async list() {
      const { status, json } = await call('GET', '/resources');
      if (status !== 200) throw new CommandFailure(errorOf(json, status));
      return (json as { resources: Manifest[] }).resources;
    },
    async apply(manifests) {
      // Documents and not one list, so that the gateway reads them with pauses for its traffic.
      const documents = manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n');
      const { status, json } = await call('PUT', '/resources', documents, 'application/yaml');
      if (status === 200) return json as ApplyAnswer;
      const { issues = [] } = json as { issues?: Issue[] };
      return { error: errorOf(json, status), issues };
    },
    async delete(keys) {
      const { status, json } = await call(
        'DELETE',
        '/resources',
        JSON.stringify({ keys }),
        'application/json',
      );
      if (status !== 200) throw new CommandFailure(errorOf(json, status));
      return (json as { resources: DeleteResult[] }).resources;
    },
  };
}

function errorOf(json: unknown, status: number): string {
  const { error } = (json ?? {}) as { error?: unknown };
  return typeof error === 'string' ? error : `The admin port answered HTTP ${status}`;
}

/** The innermost reason in words; each runtime has its own for the same thing. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  const { cause, message } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return causeOf(cause.errors[0]);
  if (cause instanceof Error && (cause.message !== '' || 'code' in cause)) return causeOf(cause);
  const { code = '' } = error as { code?: string };
  if (/ECONNREFUSED|ConnectionRefused/.test(`${code} ${message}`) || /os error 111/.test(message))
    return 'connection refused';
  if (/ENOTFOUND|EAI_AGAIN/.test(`${code} ${message}`)) return 'no such host';
  return message.split('\n', 1)[0] ?? message;
}
