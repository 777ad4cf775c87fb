/**
 * The commands of Envoy's format strings, each as a function of a request that is over.
 *
 * Source: Envoy `source/common/formatter/stream_info_formatter.cc`, `source/common/formatter/http_specific_formatter.cc`.
 */
import type { HeaderList } from '../../router/table/request.ts';
import type { AccessRecord } from './access-record.ts';
import { compileStartTime } from './start-time.ts';

/** What a command stands for; undefined where there is nothing to tell. */
export type Command = (record: AccessRecord) => string | number | undefined;

/**
 * The command of a name with its argument, both as written. Undefined: there is none of the name; a text says what
 * is wrong with the argument.
 */
export function commandOf(name: string, argument: string | undefined): Command | string | undefined {
  const make = Object.hasOwn(WITH_ARGUMENT, name) ? WITH_ARGUMENT[name] : undefined;
  if (make) return make(argument ?? '');
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain && argument !== undefined) return 'it takes no argument';
  return plain;
}

/** Names of all commands. */
export function commandNames(): readonly string[] {
  return [...Object.keys(WITH_ARGUMENT), ...Object.keys(PLAIN)].sort();
}

/** Envoy has these, and a gateway without its connections' certificates or its filters' data has nothing to tell by them. */
const SILENT: Command = () => undefined;

const PLAIN: Readonly<Record<string, Command>> = {
  PROTOCOL: ({ protocol }) => protocol,
  RESPONSE_CODE: ({ status }) => status,
  RESPONSE_CODE_DETAILS: ({ details }) => details?.replaceAll(' ', '_'),
  RESPONSE_FLAGS: ({ flag }) => flag ?? '-',
  RESPONSE_FLAGS_LONG: ({ flag }) =>
    flag
      ?.split(',')
      .map((each) => LONG_FLAGS[each] ?? each)
      .join(','),
  CONNECTION_TERMINATION_DETAILS: SILENT,
  UPSTREAM_TRANSPORT_FAILURE_REASON: ({ failureReason }) => failureReason?.replaceAll(' ', '_'),
  BYTES_RECEIVED: ({ receivedBytes }) => receivedBytes,
  BYTES_SENT: ({ sentBytes }) => sentBytes,
  DURATION: ({ durationMs }) => Math.trunc(durationMs),
  UPSTREAM_HOST: ({ upstreamHost }) => upstreamHost,
  UPSTREAM_REMOTE_ADDRESS: ({ upstreamHost }) => upstreamHost,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ upstreamHost }) => withoutPort(upstreamHost),
  // Istio ends the name by which a cluster is observed with a semicolon.
  UPSTREAM_CLUSTER: ({ cluster }) => (cluster?.startsWith('outbound|') ? `${cluster};` : cluster),
  UPSTREAM_CLUSTER_RAW: ({ cluster }) => cluster,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ attempts }) => attempts,
  UPSTREAM_LOCAL_ADDRESS: SILENT,
  DOWNSTREAM_LOCAL_ADDRESS: SILENT,
  DOWNSTREAM_REMOTE_ADDRESS: ({ remoteAddress }) => remoteAddress,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ remoteAddress }) => withoutPort(remoteAddress),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ directRemoteAddress }) => directRemoteAddress,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ directRemoteAddress }) =>
    withoutPort(directRemoteAddress),
  REQUESTED_SERVER_NAME: SILENT,
  ROUTE_NAME: ({ routeName }) => routeName,
  GRPC_STATUS_NUMBER: ({ grpcStatus }) => grpcStatus,
  TRACE_ID: ({ traceId }) => traceId,
};

type Make = (argument: string) => Command | string;

const WITH_ARGUMENT: Readonly<Record<string, Make>> = {
  REQ: (argument) => headerCommand(argument, requestHeader),
  RESP: (argument) => headerCommand(argument, responseHeader),
  TRAILER: (argument) => headerCommand(argument, ({ trailers }, name) => headerOf(trailers, name)),
  START_TIME(argument) {
    const write = compileStartTime(argument);
    return write ? ({ startMs }) => write(startMs) : 'its time format has a letter that is not known';
  },
  GRPC_STATUS(argument) {
    switch (argument) {
      case '':
      case 'CAMEL_STRING':
        return ({ grpcStatus }) => named(GRPC_NAMES, grpcStatus, grpcStatus);
      case 'SNAKE_STRING':
        return ({ grpcStatus }) => named(GRPC_NAMES.map(snake), grpcStatus, grpcStatus);
      case 'NUMBER':
        return ({ grpcStatus }) => grpcStatus;
      default:
        return 'it takes CAMEL_STRING, SNAKE_STRING or NUMBER';
    }
  },
  PATH(argument) {
    const [query = '', which = 'ORIG_OR_PATH'] = argument.split(':');
    if (!['', 'WQ', 'NQ'].includes(query)) return 'it takes WQ or NQ';
    const pick: Record<string, Command> = {
      ORIG: ({ originalPath }) => originalPath,
      PATH: ({ path }) => path,
      ORIG_OR_PATH: ({ originalPath, path }) => originalPath ?? path,
    };
    const read = pick[which];
    if (!read) return 'after WQ or NQ it takes ORIG, PATH or ORIG_OR_PATH';
    return query === 'NQ' ? (record) => `${read(record) ?? ''}`.split('?', 1)[0] || undefined : read;
  },
};

type ReadHeader = (record: AccessRecord, name: string) => string | undefined;

/** `X?Y`: the first of the two that is there. */
function headerCommand(argument: string, read: ReadHeader): Command | string {
  const [first = '', second = '', ...more] = argument.toLowerCase().split('?');
  if (first === '' || more.length > 0) return 'it takes a header, or two with ? between';
  return (record) => read(record, first) ?? (second === '' ? undefined : read(record, second));
}

const requestHeader: ReadHeader = (record, name) => {
  switch (name) {
    case ':method':
      return record.method || undefined;
    case ':path':
      return record.path || undefined;
    case ':authority':
    case 'host':
      return record.authority || undefined;
    case ':scheme':
      return record.scheme;
    case 'x-envoy-original-path':
      return record.originalPath;
    default:
      return headerOf(record.requestHeaders, name);
  }
};

const responseHeader: ReadHeader = ({ status, serviceMs, responseHeaders }, name) => {
  switch (name) {
    case ':status':
      return status === 0 ? undefined : `${status}`;
    // The gateway keeps it to itself.
    case 'x-envoy-upstream-service-time':
      return serviceMs === undefined ? undefined : `${Math.trunc(serviceMs)}`;
    default:
      return headerOf(responseHeaders, name);
  }
};

function headerOf(list: HeaderList, wanted: string): string | undefined {
  return list.find(([name]) => name === wanted)?.[1];
}

/** `10.0.0.1:80` and `[::1]:80` lose their port. */
function withoutPort(address: string | undefined): string | undefined {
  return address?.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function named(names: readonly string[], number: number | undefined, otherwise: number | undefined) {
  return number === undefined ? undefined : (names[number] ?? otherwise);
}

const snake = (name: string): string =>
  name === 'Canceled' ? 'CANCELLED' : name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();

/** Source: Envoy `source/common/grpc/status.cc` (Utility::grpcStatusToString). */
const GRPC_NAMES: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** Source: Envoy `envoy/stream_info/stream_info.h` (ResponseFlags), `source/common/stream_info/utility.h`. */
const LONG_FLAGS: Readonly<Record<string, string>> = {
  NR: 'NoRouteFound',
  NC: 'NoClusterFound',
  UH: 'NoHealthyUpstream',
  UF: 'UpstreamConnectionFailure',
  UO: 'UpstreamOverflow',
  UT: 'UpstreamRequestTimeout',
  URX: 'UpstreamRetryLimitExceeded',
  UC: 'UpstreamConnectionTermination',
  UR: 'UpstreamRemoteReset',
  LR: 'LocalReset',
  DC: 'DownstreamConnectionTermination',
  DR: 'DownstreamRemoteReset',
  DI: 'DelayInjected',
  FI: 'FaultInjected',
  RL: 'RateLimited',
  OM: 'OverloadManagerTerminated',
  DPE: 'DownstreamProtocolError',
  UPE: 'UpstreamProtocolError',
  SI: 'StreamIdleTimeout',
};
