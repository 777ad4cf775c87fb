/**
 * A call as the rules carry it out: the router is asked, the decision carried out, and an answer of nobody's turned into
 * an error. What a gateway does for calls that come through its port. Imports traffic.
 */
import type { ConnectError } from '@connectrpc/connect';
import type { UniversalClientRequest, UniversalClientResponse } from '@connectrpc/connect/protocol';
import type { RouteRequest } from '../router/index.ts';
import { carryOut, refuseUnrouted, withoutPassthrough } from '../traffic/carry-out.ts';
import { Exchange } from '../traffic/exchange.ts';
import { injectFault } from '../traffic/filter/fault.ts';
import { withForwarded } from '../traffic/filter/forwarded.ts';
import { endToEnd } from '../traffic/filter/hop-by-hop.ts';
import type { ForwardOptions } from '../traffic/forward/index.ts';
import type { RuleSet } from '../traffic/rule-set/rule-set.ts';
import { ClientCall, headOf } from '../upstream/client-call.ts';
import {
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type ServerStream,
  type StreamReceiver,
} from '../wire/stream.ts';
import { brokenOff, errorOf, isForClients, isReset } from './failure.ts';

/** What calls need to know. */
export interface CallContext extends ForwardOptions {
  readonly rules: RuleSet;
  /** The service port whose rules apply. */
  portOf(authority: string): number;
  /** True: endpoints are to be reached over HTTP/2, whatever their port's name says. */
  readonly isHttp2: boolean;
}

/** Sends a request of Connect's by the rules. Rejects with a ConnectError where no endpoint answered. */
export function routeCall(
  request: UniversalClientRequest,
  context: CallContext,
): Promise<UniversalClientResponse> {
  const call = new ClientCall();
  return call.send(headOf(request), request, (head, hasEnded) => begin(call, head, hasEnded, context));
}

function begin(
  call: ClientCall,
  { method, scheme, authority, path, headers }: RequestHead,
  hasEnded: boolean,
  context: CallContext,
): StreamReceiver {
  const { router, clusters } = context.rules;
  const head: RouteRequest = {
    method,
    scheme,
    authority,
    path,
    headers: withForwarded(endToEnd(headers), scheme === 'https', undefined, requestId),
    isSanitized: true,
    port: context.portOf(authority),
    http2: context.isHttp2,
  };
  const decision = withoutPassthrough(router.route(head, context.random), head);
  const answer = new Answer(call);
  const exchange = new Exchange(answer, head, hasEnded, undefined, undefined, undefined);
  exchange.decision = decision;
  answer.exchange = exchange;
  const { fault } = decision;
  if (fault)
    return injectFault(fault, decision, exchange, context.clock, () =>
      carryOut(decision, exchange, clusters, context),
    );
  if (decision.kind === 'reply' && decision.flag === 'NR') return refuseUnrouted(exchange, decision.reason);
  return carryOut(decision, exchange, clusters, context);
}

const requestId = (): string => crypto.randomUUID();

/** Lets an endpoint's answer through, and makes an error of one that is none. */
class Answer implements ServerStream {
  /** Set, with its decision, before anything is answered. */
  exchange: Exchange | undefined;
  readonly #call: ClientCall;
  /** Of an answer that becomes an error. */
  #head: { readonly status: number; readonly headers: FieldList } | undefined;
  #text = '';

  constructor(call: ClientCall) {
    this.#call = call;
  }

  inform(): void {}

  respond(status: number, headers: FieldList, hasEnded: boolean): void {
    const { details, flag } = this.exchange!;
    if (details === 'via_upstream' || isForClients({ status, headers, flag })) {
      this.#call.respond(status, headers, hasEnded);
      return;
    }
    this.#head = { status, headers };
    if (hasEnded) this.end(NO_FIELDS);
  }

  write(chunk: Uint8Array): void {
    if (this.#head) this.#text += new TextDecoder().decode(chunk);
    else this.#call.write(chunk);
  }

  end(trailers: FieldList): void {
    const head = this.#head;
    if (!head) {
      this.#call.end(trailers);
      return;
    }
    const { decision, flag } = this.exchange!;
    const error = errorOf(decision!, { ...head, body: this.#text, flag });
    if (isReset(flag)) this.#failLate(error);
    else this.#call.fail(error);
  }

  consumed(bytes: number): void {
    this.#call.consumed(bytes);
  }

  reset(): void {
    this.#failLate(brokenOff(this.exchange?.flag));
  }

  /**
   * A server that gives a call up when its time is over may be heard before this side's own timer is, which says it
   * better.
   *
   * Source: grpc-go `internal/transport/http2_client.go` (handleRSTStream).
   */
  #failLate(error: ConnectError): void {
    setTimeout(() => this.#call.fail(error), 1);
  }
}
