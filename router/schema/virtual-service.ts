/** VirtualService as people write it. Imports the building blocks. Source: istio/api networking/v1alpha3/virtual_service.proto */
import type * as z from 'zod/mini';
import { destination, percent, textMap, texts } from './destination.ts';
import {
  bytes,
  duration,
  enumeration,
  flag,
  int32,
  list,
  message,
  required,
  text,
  uint32,
} from './proto-json.ts';
import { stringMatch, stringMatches } from './string-match.ts';

export const headerOperations = message({
  /** Replaces the header. */
  set: textMap,
  /** Appends a value. */
  add: textMap,
  remove: texts,
});

/** Changes to the headers of one direction. */
export interface HeaderOperations extends z.infer<typeof headerOperations> {}

export const headers = message({ request: headerOperations, response: headerOperations });

/** Changes to a request's and a response's headers. */
export interface Headers extends z.infer<typeof headers> {}

export const httpMatchRequest = message({
  /** Goes into the route's name: `HTTPROUTE.MATCH`. */
  name: text(),
  uri: stringMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: stringMatches,
  /** The port that the request was sent to. */
  port: uint32(),
  sourceLabels: textMap,
  /** `mesh` or Gateways; replaces the VirtualService's own list. */
  gateways: texts,
  queryParams: stringMatches,
  ignoreUriCase: flag(),
  withoutHeaders: stringMatches,
  sourceNamespace: text(),
  statPrefix: text(),
});

/** Conditions that must all hold. */
export interface HTTPMatchRequest extends z.infer<typeof httpMatchRequest> {}

export const httpRouteDestination = message({
  destination: required(destination),
  /** Share of the requests, relative to the sum. */
  weight: int32(),
  headers,
});

/** One of a route's destinations. */
export interface HTTPRouteDestination extends z.infer<typeof httpRouteDestination> {}

export const httpRedirect = message(
  {
    /** Replaces the whole path, query included. */
    uri: text(),
    authority: text(),
    port: uint32(),
    derivePort: enumeration('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    /** `http` or `https`. */
    scheme: text(),
    /** Default 301. */
    redirectCode: uint32(),
    /** Replaces the matched prefix, as the rewrite's `uri` does. */
    prefixRewrite: text(),
  },
  [['port', 'derivePort']],
);

/** The answer that sends the client elsewhere. */
export interface HTTPRedirect extends z.infer<typeof httpRedirect> {}

export const httpDirectResponse = message({
  status: required(uint32()),
  body: message(
    {
      string: text(),
      /** Base64. */
      bytes: bytes(),
    },
    [['string', 'bytes']],
  ),
});

/** The answer given without an upstream. */
export interface HTTPDirectResponse extends z.infer<typeof httpDirectResponse> {}

export const httpRewrite = message({
  /** Replaces the matched prefix, or the whole path of an exact or regex match. */
  uri: text(),
  authority: text(),
  uriRegexRewrite: message({
    /** RE2 syntax. */
    match: text(),
    /** `\1` stands for a group. */
    rewrite: text(),
  }),
});

/** Changes to path and authority before forwarding. */
export interface HTTPRewrite extends z.infer<typeof httpRewrite> {}

export const httpRetry = message({
  /** Tries after the first; 0 turns retries off. */
  attempts: int32(),
  perTryTimeout: duration(),
  /** Comma separated Envoy policies and status codes. */
  retryOn: text(),
  retryRemoteLocalities: flag(),
  retryIgnorePreviousHosts: flag(),
  /** Base of the exponential back-off. */
  backoff: duration(),
});

/** When and how often to try again. */
export interface HTTPRetry extends z.infer<typeof httpRetry> {}

export const httpFaultInjection = message({
  delay: message(
    {
      /** Deprecated: whole percent. */
      percent: int32(),
      fixedDelay: duration(),
      exponentialDelay: duration(),
      percentage: percent,
    },
    [['fixedDelay', 'exponentialDelay']],
  ),
  abort: message(
    {
      httpStatus: int32(),
      /** A code's name, `UNAVAILABLE`. */
      grpcStatus: text(),
      http2Error: text(),
      percentage: percent,
    },
    [['httpStatus', 'grpcStatus', 'http2Error']],
  ),
});

/** Faults to inject. */
export interface HTTPFaultInjection extends z.infer<typeof httpFaultInjection> {}

export const corsPolicy = message({
  /** Deprecated: exact origins, or `*`. */
  allowOrigin: texts,
  allowOrigins: list(stringMatch),
  allowMethods: texts,
  allowHeaders: texts,
  exposeHeaders: texts,
  maxAge: duration(),
  allowCredentials: flag(),
  unmatchedPreflights: enumeration('UNSPECIFIED', 'FORWARD', 'IGNORE'),
});

/** Cross-origin rules. */
export interface CorsPolicy extends z.infer<typeof corsPolicy> {}

export const httpMirrorPolicy = message({
  destination: required(destination),
  percentage: percent,
});

/** A copy of the requests. */
export interface HTTPMirrorPolicy extends z.infer<typeof httpMirrorPolicy> {}

export const delegate = message({
  /** Name of the VirtualService that holds the routes. */
  name: text(),
  /** Default: the root's. */
  namespace: text(),
});

/** A VirtualService without hosts that a root refers to. */
export interface Delegate extends z.infer<typeof delegate> {}

export const httpRoute = message({
  name: text(),
  /** Any of them; without match every request. */
  match: list(httpMatchRequest),
  route: list(httpRouteDestination),
  redirect: httpRedirect,
  directResponse: httpDirectResponse,
  delegate,
  rewrite: httpRewrite,
  /** Of the whole exchange, retries included; default none. */
  timeout: duration(),
  retries: httpRetry,
  fault: httpFaultInjection,
  mirror: destination,
  mirrors: list(httpMirrorPolicy),
  /** Deprecated: whole percent. */
  mirrorPercent: uint32(),
  mirrorPercentage: percent,
  corsPolicy,
  headers,
});

/** One rule of `spec.http`. */
export interface HTTPRoute extends z.infer<typeof httpRoute> {}

const routeDestination = message({ destination: required(destination), weight: int32() });

export const tlsRoute = message({
  match: required(
    list(
      message({
        sniHosts: required(texts),
        destinationSubnets: texts,
        port: uint32(),
        sourceLabels: textMap,
        gateways: texts,
        sourceNamespace: text(),
      }),
    ),
  ),
  route: list(routeDestination),
});

/** One rule of `spec.tls`. */
export interface TLSRoute extends z.infer<typeof tlsRoute> {}

export const tcpRoute = message({
  match: list(
    message({
      destinationSubnets: texts,
      port: uint32(),
      sourceSubnet: text(),
      sourceLabels: textMap,
      gateways: texts,
      sourceNamespace: text(),
    }),
  ),
  route: list(routeDestination),
});

/** One rule of `spec.tcp`. */
export interface TCPRoute extends z.infer<typeof tcpRoute> {}

export const virtualServiceSpec = message({
  /** Short, fully qualified or wildcard; none in a delegate. */
  hosts: texts,
  /** `mesh`, NAME or NAMESPACE/NAME; default `mesh`. */
  gateways: texts,
  http: list(httpRoute),
  tls: list(tlsRoute),
  tcp: list(tcpRoute),
  /** Namespaces that see it; default the mesh's, `*`. */
  exportTo: texts,
});

/** `spec` of a VirtualService. */
export interface VirtualServiceSpec extends z.infer<typeof virtualServiceSpec> {}
