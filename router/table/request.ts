/**
 * The request as the rules see it: what arrived on the wire, before any runtime has touched it.
 * Plain data; imports nothing.
 */

/**
 * Header names and values in the order they arrived, repeats kept; names in lower case. One character is one byte:
 * `é` in UTF-8 is `Ã©` here, see `byteText`.
 */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** One request as it reaches the router. In authority, path and headers one character is one byte, as the wire has it. */
export interface RouteRequest {
  /** As sent, case kept: `GET`, `POST`. */
  readonly method: string;
  /** `http` or `https`: HTTP/2's `:scheme`; on HTTP/1.1 the transport's, unless `x-forwarded-proto` says otherwise. */
  readonly scheme: string;
  /**
   * True: over HTTP/1.1, too, {@link scheme} is what the client said, in a request target that was absolute and that
   * {@link path} has no longer. Default false.
   */
  readonly hasScheme?: boolean;
  /** HTTP/2's `:authority` or HTTP/1.1's Host, port included where the client sent one: `greeter:8080`. */
  readonly authority: string;
  /** Path with query exactly as on the wire: `/api.Greeter/SayHello?x=1`. Normalised by the router. */
  readonly path: string;
  /** Without pseudo headers and without `host`. */
  readonly headers: HeaderList;
  /**
   * True: the headers are as a proxy has made them. Default false: they are a client's, and those that Envoy believes of
   * no client (at a gateway: of none from outside) are left out, `x-request-id` there among them.
   */
  readonly isSanitized?: boolean;
  /**
   * The service port of the listener that took the request, which selects the virtual hosts as an Istio
   * listener does; it has nothing to do with a port in {@link authority}.
   */
  readonly port: number;
  /** True when the request came over HTTP/2; some header rules of Envoy's differ by protocol. Default false. */
  readonly http2?: boolean;
  /** True over TLS; it may differ from what {@link scheme} claims. Default: the scheme's own, of HTTP/1.1 alone. */
  readonly tls?: boolean;
  /** The client's address without port, for a source IP hash and `x-forwarded-for`. */
  readonly sourceAddress?: string;
  /** The client's port: with the address it tells one connection from another. */
  readonly sourcePort?: number;
  /** Where the client dialled, `10.1.2.3:80`; absent where nobody told. Rules do not look at it, upstreams do. */
  readonly originalDestination?: string;
}

/**
 * Draws a whole number in `[0, bound)`. Chance is an argument everywhere in the router, so that a decision
 * can be repeated; `purpose` lets a test pin one draw and leave the others alone.
 */
export type Random = (bound: number, purpose: RandomPurpose) => number;

/** What a random number is drawn for. */
export type RandomPurpose = 'weight' | 'fault-delay' | 'fault-abort' | 'mirror' | 'retry-backoff';
