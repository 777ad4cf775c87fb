/**
 * The control plane that gRPC's bootstrap file names. Reads the environment and the file.
 */
import { readFile } from 'node:fs/promises';
import type { SourceIdentity } from '../named.ts';
import type { ConfigSource } from '../source.ts';
import { xdsSource } from './source.ts';

/** What is read of a bootstrap. Source: gRPC A27 (xDS client bootstrap). */
interface Bootstrap {
  readonly xds_servers?: readonly {
    readonly server_uri?: string;
    readonly channel_creds?: readonly {
      readonly type?: string;
      readonly config?: { readonly ca_certificate_file?: string };
    }[];
  }[];
  readonly node?: { readonly metadata?: { readonly NAMESPACE?: unknown; readonly LABELS?: unknown } };
}

/** `xds://HOST:PORT` as `--config` takes it, and who the bootstrap says that asks. */
export interface BootstrapTarget {
  readonly url: string;
  readonly identity: SourceIdentity;
}

/**
 * The source that GRPC_XDS_BOOTSTRAP (a file's path) or GRPC_XDS_BOOTSTRAP_CONFIG (its text) names. Rejects with an error
 * that says what is missing. `identity` goes before what the bootstrap says.
 */
export async function bootstrapSource(
  identity: SourceIdentity,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ConfigSource> {
  const target = readBootstrap(await textOf(environment));
  return xdsSource(target.url, { identity: { ...target.identity, ...identity } });
}

async function textOf(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  const path = environment['GRPC_XDS_BOOTSTRAP'];
  if (path) return readFile(path, 'utf8');
  const text = environment['GRPC_XDS_BOOTSTRAP_CONFIG'];
  if (text) return text;
  throw new Error(
    'Cannot tell which control plane to ask: give rules with `config`, for example xds://istiod.istio-system:15010, or set GRPC_XDS_BOOTSTRAP',
  );
}

/**
 * What a bootstrap's text says. The first of its servers is asked, and as a sidecar, not as a gRPC client, so that rules
 * come with all that gRPC's own clients leave out. Throws a TypeError for what is no bootstrap.
 */
export function readBootstrap(text: string): BootstrapTarget {
  const refusal = (reason: string) => new TypeError(`Cannot read gRPC's bootstrap: ${reason}`);
  let bootstrap: Bootstrap;
  try {
    bootstrap = JSON.parse(text) as Bootstrap;
  } catch (error) {
    throw refusal((error as Error).message);
  }
  const [server] = bootstrap?.xds_servers ?? [];
  const uri = server?.server_uri;
  if (typeof uri !== 'string') throw refusal('xds_servers[0].server_uri is missing');
  const place = uri.replace(/^dns:(\/\/\/)?/, '');
  if (/^[a-z]+:\//i.test(place))
    throw refusal(`server_uri "${uri}" is not HOST:PORT, and nothing else is spoken to`);
  // A client takes the first kind of credentials that it knows.
  const known = server?.channel_creds?.find(({ type }) => type === 'insecure' || type === 'tls');
  if (!known) throw refusal('channel_creds has neither "insecure" nor "tls"');
  const parameters = new URLSearchParams();
  if (known.type === 'tls') parameters.set('tls', 'true');
  if (known.config?.ca_certificate_file !== undefined) parameters.set('ca', known.config.ca_certificate_file);
  const { NAMESPACE, LABELS } = bootstrap.node?.metadata ?? {};
  return {
    url: `xds://${place}${parameters.size > 0 ? `?${parameters}` : ''}`,
    identity: {
      ...(typeof NAMESPACE === 'string' && { namespace: NAMESPACE }),
      ...(isLabels(LABELS) && { labels: LABELS }),
    },
  };
}

function isLabels(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((each) => typeof each === 'string')
  );
}
