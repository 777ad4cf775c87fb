/** What is not as Istio with Envoy has it, and no field of the API; each is held by a test that fails when it is gone. */

/** Commands of header values that give nothing, or not what Envoy gives, in the order of the recording. */
export const DIFFERING_COMMANDS: readonly string[] = [
  'BYTES_RECEIVED',
  'UPSTREAM_WIRE_BYTES_RECEIVED',
  'UPSTREAM_HEADER_BYTES_RECEIVED',
  'UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED',
  'UPSTREAM_WIRE_BYTES_SENT',
  'UPSTREAM_HEADER_BYTES_SENT',
  'UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT',
  'RESPONSE_HEADERS_BYTES',
  'UPSTREAM_CONNECTION_ID',
  'DOWNSTREAM_WIRE_BYTES_RECEIVED',
  'DOWNSTREAM_HEADER_BYTES_RECEIVED',
  'DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED',
  'REQUEST_HEADERS_BYTES',
  'REQUEST_DURATION',
  'REQUEST_TX_DURATION',
  'RESPONSE_DURATION',
  'UPSTREAM_CONNECTION_POOL_READY_DURATION',
  'DURATION',
  'COMMON_DURATION',
  'START_TIME',
  'EMIT_TIME',
  'HOSTNAME',
  'ENVIRONMENT',
  'UNIQUE_ID',
  'STREAM_ID',
  'CONNECTION_ID',
  'UPSTREAM_CONNECTION_IDS_ATTEMPTED',
  'UPSTREAM_PROTOCOL',
  'UPSTREAM_HOST_NAME',
  'UPSTREAM_HOST_NAME_WITHOUT_PORT',
  'UPSTREAM_HOSTS_ATTEMPTED',
  'UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT',
  'UPSTREAM_HOST_NAMES_ATTEMPTED',
  'UPSTREAM_LOCAL_ADDRESS',
  'UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'UPSTREAM_LOCAL_PORT',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_PORT',
  'DOWNSTREAM_DIRECT_LOCAL_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_REMOTE_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
  'DOWNSTREAM_DIRECT_REMOTE_PORT',
  'RESPONSE_FLAGS_LONG',
];

/** One known difference. */
export interface Difference {
  readonly what: string;
  readonly why: string;
  /** The name of the test that holds it. */
  readonly test: string;
}

/** For the page. */
export const DIFFERENCES: readonly Difference[] = [
  {
    what: 'Some YAML that Istio takes is refused: keys that are two for YAML and one for JSON (`1` and `"1"`); in brackets an empty value right before a comma or bracket (`{a:, b: c}`) and text with `?`; a tag and an anchor before one key; an alias that is a key (`*n: b`); a directive behind a document that no `...` ends; U+2028 and U+2029 in a text; a byte order mark at the begin of a line that does not begin a document; text on the line where a document in brackets ends; nesting deeper than 64 levels',
    why: 'Istio takes one of two keys by chance, has `a:` for a key, and otherwise reads what other readers of YAML refuse or read as something else',
    test: 'verdicts() refuses YAML that Istio takes where it may be read in another way',
  },
  {
    what: `In header values these commands do not always give what Envoy gives: ${DIFFERING_COMMANDS.map((name) => `\`%${name}%\``).join(', ')}`,
    why: 'they tell of sockets, clocks, bytes and the machine, which a decision on paper does not have; they give nothing, or in a request the 0 that Envoy has there',
    test: 'route() fills in the commands of header values as Envoy does',
  },
  {
    what: 'A header value with a command that Envoy does not know is taken, and the command gives nothing; Envoy refuses all routes that come with it and goes on with those before',
    why: 'one rule must not stop the others; `check` warns with `header-format`',
    test: 'lint() finds a header value with a command that Envoy does not know',
  },
  {
    what: 'What Istio takes and Envoy refuses, such as `\\x{100}` in a regex or a redirect by 304, stops nothing else here; Envoy refuses all routes that come with it',
    why: 'one rule must not stop the others; `check` warns with `envoy-refuses`',
    test: 'lint() finds what Envoy refuses of that which Istio takes, and nothing that Envoy takes',
  },
  {
    what: 'A `keep-alive` that a rule sets in a response is left out; Envoy sends it over HTTP/1.1',
    why: 'it is of the connection, which the gateway keeps by its own times, and HTTP/2 forbids it',
    test: "route() leaves out of an answer's changes what is of its connection",
  },
  {
    what: 'An `upgrade` or `proxy-connection` that a rule sets in a request is not sent to the upstream; Envoy sends it over HTTP/1.1. A `transfer-encoding` is not sent either; Envoy sends it, and the upstream waits for a body that never comes',
    why: 'they are of the connection, which the gateway keeps by its own times, and HTTP/2 forbids them',
    test: 'listen() keeps its connections to upstreams, whatever a rule sets of their headers',
  },
  {
    what: 'A direct response whose bytes are no UTF-8 reaches gRPC clients in `grpc-message` with U+FFFD for each wrong part; Envoy passes the bytes on, percent-encoded',
    why: "gRPC's messages are UTF-8, and a client may refuse others",
    test: 'route() gives gRPC a direct response that is no UTF-8 with replacement characters',
  },
  {
    what: '`x-envoy-retry-on`, `x-envoy-max-retries` and their like that a rule sets (`headers.request`) go to the upstream as they are where it sets them to what only a request tells (`%REQ(x-on)%`) or at one of several destinations; Envoy takes them for itself, and tries accordingly',
    why: '`retries` and `timeout` of the rule say the same in words that are checked',
    test: 'route() passes on a header that asks for retries, where a rule sets it to what only a request tells',
  },
  {
    what: "On paper, and under `listen({ tls })`, the request's host chooses one of a Gateway's servers with TLS on a port; in Envoy, and on ports that speak TLS by the Gateway, the name in the client's TLS (SNI) does, and a request for a host of another server is answered 404",
    why: 'there is no TLS on paper, and clients name the host that they ask',
    test: 'listen() takes the host of a request over TLS for the name that its client chose a server by',
  },
  {
    what: "Upstreams are not told `x-envoy-decorator-operation`, and a client's own passes a sidecar; Envoy under Istio, which traces, sets it to the route's: `HOST:PORT/PREFIX*`",
    why: 'it names the spans of a sidecar beside the upstream; the contexts of traces go on as they are',
    test: 'withForwarded() leaves out what is believed of no client',
  },
  {
    what: 'A client that takes nothing of an answer for 5 minutes loses it, with flag `SI`; Envoy under Istio, which turns its `stream_idle_timeout` off, waits for ever',
    why: 'what waits for such a client is held in memory; 5 minutes are the default of Envoy itself',
    test: 'Http2Connection ends a stream that does not move, or whose peer opens no window',
  },
  {
    what: 'gRPC-Web clients are told of failures, faults and direct responses as plain HTTP at every port; Envoy under Istio, at ports of protocol `GRPC-Web` alone, as gRPC clients are (200 and `grpc-status`)',
    why: 'clients know the gRPC status of an HTTP status by themselves; there is no filter here that turns gRPC-Web into gRPC',
    test: 'failureReply() speaks the protocol of the client',
  },
  {
    what: 'An upstream that switches protocols unasked (101) is answered with 502; Envoy passes the 101 on',
    why: 'client and upstream would not mean the same by the bytes that follow',
    test: 'listen() tells clients what Envoy tells them of endpoints that fail, and nothing stays under way',
  },
  {
    what: 'Of informational answers a 100 goes to HTTP/1.1 clients that wait for it, once, and others, such as 103, to all but HTTP/1.0; Envoy under Istio passes each 100 on, and no other',
    why: 'a client that does not expect a 100 may take it for the answer; 103 helps browsers',
    test: 'Http1ServerConnection sends no 100 behind an answer, to HTTP/1.0, or where nobody waits for it',
  },
  {
    what: '`x-envoy-upstream-service-time` is sent to no client, though `%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%` in an access log tells it',
    why: 'how long endpoints take is for who runs them',
    test: 'createGateway() logs what Envoy logs, in text and JSON',
  },
];

/** What is not as in the gateway behind sockets, where there is nothing but `fetch`: Workers, `{ fetch }` of `pointsman/edge`. */
export const EDGE_DIFFERENCES: readonly Difference[] = [
  {
    what: 'An endpoint sees its own address in `host`, and the authority that the rules have decided on in `x-forwarded-host`',
    why: '`fetch` writes `host` itself, from the URL',
    test: 'createFetchUpstream() asks an endpoint, with the authority beside the address',
  },
  {
    what: 'Answers reach the client uncompressed, without `content-encoding` and `content-length`',
    why: '`fetch` inflates them',
    test: 'createFetchUpstream() asks an endpoint, with the authority beside the address',
  },
  {
    what: 'An endpoint that gives no answer is `UC`, whatever happened; `UF` only where the runtime says that the connection was refused (Node, Bun, Deno; not Workers). So `connect-failure` and `reset-before-request`, and with them the retries that a rule has by default, retry nothing on Workers; `reset`, `5xx` and `gateway-error` do',
    why: '`fetch` does not tell a refused connection from one that broke, and what an endpoint may have carried out is not sent twice by default',
    test: 'createFetchUpstream() does not take a request that was received for one that was refused',
  },
  {
    what: 'Of `connectionPool` only `http2MaxRequests`, `maxRetries` and `retryBudget` have an effect; limits and times of connections (`maxConnections`, `http1MaxPendingRequests`, `maxRequestsPerConnection`, `connectTimeout`, `idleTimeout`, keepalives) have none',
    why: "connections are the runtime's own",
    test: 'UpstreamPool with nothing but fetch keeps to limits of requests, and knows none of connections',
  },
  {
    what: '`tls` to endpoints is mode `SIMPLE` alone, by the authorities that the runtime trusts and for the name or address that is dialled; any other setting answers 503',
    why: '`fetch` takes no certificates, authorities or names',
    test: "UpstreamPool with nothing but fetch takes TLS by the endpoint's own name, and refuses all else",
  },
  {
    what: 'The runtime looks names of endpoints up, each time: a name is one endpoint, however many addresses it has',
    why: 'there is no resolver; `outlierDetection` and the balancers see the name alone',
    test: 'UpstreamPool with nothing but fetch leaves names of endpoints to it',
  },
  {
    what: 'Native gRPC is refused (gRPC status 12); Connect and gRPC-Web are served',
    why: 'a `Response` has no trailers',
    test: 'fetch() refuses native gRPC and says why',
  },
  {
    what: 'WebSockets and other upgrades reach no endpoint, nor do informational answers (100, 103) reach a client',
    why: 'a `Request` asks for no upgrade that goes through, and a `Response` is the last answer',
    test: 'fetch() asks an endpoint for no upgrade',
  },
  {
    what: 'A body of GET and HEAD is thrown away',
    why: 'a `Request` of theirs has none',
    test: 'createFetchProgramUpstream() throws the body of a GET away, which a web request cannot have',
  },
];
