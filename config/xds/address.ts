/** What `--config xds://…` says. */
import { isLoopback } from '../loopback.ts';

/** Where a control plane is, and how it is spoken to. */
export interface XdsAddress {
  readonly host: string;
  readonly port: number;
  /** The node is a gRPC client (`GENERATOR: grpc`) in place of a sidecar. Default false. */
  readonly isGrpc: boolean;
  /**
   * Whole states in place of changes. Default: changes, but whole states for a gRPC client, as gRPC's own ask for: istiod sends
   * such a one changes of what it has sent before, and never what is new.
   */
  readonly isStateOfTheWorld: boolean;
  /** TLS, as istiod wants it on 15012; absent: plaintext. */
  readonly tls?: {
    /** PEM file of who may have signed the control plane's certificate. Default: those that the system trusts. */
    readonly caFile?: string;
    /** Name that the certificate is for. Default: the host. */
    readonly serverName?: string;
  };
  /** File with a token, sent with each connection and read anew each time, as it is renewed in place. Wants TLS, but on loopback. */
  readonly tokenFile?: string;
  /** Folder for what was sent last, so that a restart goes on with it. Default: none. */
  readonly cacheFolder?: string;
}

/** Istio's ports: plaintext, and TLS. */
const DEFAULT_PORT = { plaintext: 15010, tls: 15012 } as const;

const PARAMETERS = ['tls', 'ca', 'server-name', 'token', 'cache', 'node', 'mode'] as const;

/**
 * Reads `xds://HOST:PORT?tls&ca=FILE&server-name=NAME&token=FILE&cache=FOLDER&node=grpc&mode=sotw`; all but the host may
 * be left out. Throws a TypeError that says what would do.
 */
export function parseXdsAddress(text: string): XdsAddress {
  const found = /^xds:\/\/\/?([^/?#]+)\/?(?:\?(.*))?$/.exec(text);
  if (!found) throw refusal(text, 'write it as xds://HOST:PORT, for example xds://istiod.istio-system:15010');
  const [, authority = '', query = ''] = found;
  const place = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(authority);
  if (!place || Number(place[2] ?? 1) > 65_535 || Number(place[2] ?? 1) === 0)
    throw refusal(text, `"${authority}" is not HOST:PORT`);
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys())
    if (!(PARAMETERS as readonly string[]).includes(name))
      throw refusal(text, `unknown parameter "${name}"; there are ${PARAMETERS.join(', ')}`);
  const value = (name: (typeof PARAMETERS)[number]) => parameters.get(name) || undefined;
  const oneOf = (name: 'node' | 'mode', words: readonly string[]) => {
    const word = value(name);
    if (word !== undefined && !words.includes(word))
      throw refusal(text, `${name}=${word} is none of ${words.join(', ')}`);
    return word;
  };
  const [caFile, serverName, tokenFile, cacheFolder] = [
    value('ca'),
    value('server-name'),
    value('token'),
    value('cache'),
  ];
  const isTls = parameters.has('tls') || caFile !== undefined || serverName !== undefined;
  const [, host = '', port] = place;
  if (tokenFile !== undefined && !isTls && !isLoopback(host))
    throw refusal(
      text,
      'a token is sent over TLS alone; add ca=FILE, or tls for certificates that the system trusts',
    );
  const isGrpc = oneOf('node', ['sidecar', 'grpc']) === 'grpc';
  const mode = oneOf('mode', ['delta', 'sotw']) ?? (isGrpc ? 'sotw' : 'delta');
  return {
    host,
    port: Number(port ?? (isTls ? DEFAULT_PORT.tls : DEFAULT_PORT.plaintext)),
    isGrpc,
    isStateOfTheWorld: mode === 'sotw',
    ...(isTls && {
      tls: { ...(caFile !== undefined && { caFile }), ...(serverName !== undefined && { serverName }) },
    }),
    ...(tokenFile !== undefined && { tokenFile }),
    ...(cacheFolder !== undefined && { cacheFolder }),
  };
}

function refusal(text: string, reason: string): TypeError {
  return new TypeError(`Cannot read rules from "${text}": ${reason}`);
}
