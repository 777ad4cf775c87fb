/** One stream of aggregated discovery over gRPC. Loaded when a control plane is asked for, as it brings sockets. */
import { createClient } from '@connectrpc/connect';
import { AggregatedDiscoveryService } from '../../gen/envoy/service/discovery/v3/ads_pb.ts';
import type { XdsAddress } from './address.ts';
import { readCredentials } from './credentials.ts';
import { deltaRequest, deltaResponse, stateRequest, stateResponse, type XdsNode } from './message.ts';
import type { XdsRequest, XdsResponse } from './state.ts';
import { createPlaneTransport } from './transport.ts';

/** An open stream. Its answers end, or throw, when it does. */
export interface XdsStream {
  send(request: XdsRequest): void;
  readonly responses: AsyncIterable<XdsResponse>;
  /** Closes the connection below, too. */
  close(): void;
}

/** When a connection that says nothing is asked whether it still is there, and how long its answer may take. */
export interface PingLimits {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

/** Opens a stream on a connection of its own; nothing is sent before the first request. */
export async function openStream(
  address: XdsAddress,
  node: XdsNode,
  form: 'delta' | 'sotw',
  ping: PingLimits,
  signal: AbortSignal,
): Promise<XdsStream> {
  const { ca, headers } = await readCredentials(address);
  const transport = createPlaneTransport(address, ping, ca);
  const client = createClient(AggregatedDiscoveryService, transport);
  const requests = new RequestQueue();
  // The node is sent once, with the first request.
  let unsent: XdsNode | undefined = node;
  const nodeOnce = () => {
    const once = unsent;
    unsent = undefined;
    return once;
  };
  const responses =
    form === 'delta'
      ? map(
          client.deltaAggregatedResources(
            map(requests, (request) => deltaRequest(request, nodeOnce())),
            { signal, headers },
          ),
          deltaResponse,
        )
      : map(
          client.streamAggregatedResources(
            map(requests, (request) => stateRequest(request, nodeOnce())),
            { signal, headers },
          ),
          stateResponse,
        );
  return {
    send: (request) => requests.add(request),
    responses,
    close() {
      requests.end();
      transport.close();
    },
  };
}

async function* map<From, To>(items: AsyncIterable<From>, change: (item: From) => To): AsyncIterable<To> {
  for await (const item of items) yield change(item);
}

/** What is to be sent, for a reader that waits for more until the end. */
class RequestQueue implements AsyncIterable<XdsRequest> {
  readonly #waiting: XdsRequest[] = [];
  #hasEnded = false;
  #wake: () => void = () => {};

  add(request: XdsRequest): void {
    this.#waiting.push(request);
    this.#wake();
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<XdsRequest> {
    while (true) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#hasEnded) return;
      else await new Promise<void>((done) => (this.#wake = done));
    }
  }
}
