/** What is told of each request once it is over, and who is told. Types only. */
import type { RuleOrigin } from '../../router/table/decision.ts';

/** One request and its outcome. */
export interface RequestOutcome {
  /** Host of the destination as the rules name it; undefined where none was chosen. */
  readonly host: string | undefined;
  readonly subset: string | undefined;
  /** The route's name, or `NAMESPACE/NAME[INDEX]` of the rule without one; undefined where no rule was taken. */
  readonly route: string | undefined;
  /** The rule taken, the same object for all its requests; undefined where none was. Absent: not told. */
  readonly rule?: RuleOrigin | undefined;
  /** Of the route; undefined where none was chosen. Absent: not told. */
  readonly cluster?: string | undefined;
  /** True where the destination was no matter of chance, but of the request's key or its client. Default false. */
  readonly isChosen?: boolean;
  /** HTTP status as the client saw it; 0 where it saw none. */
  readonly status: number;
  /** Of a gRPC request: its trailers', else what its HTTP status stands for. */
  readonly grpcStatus: number | undefined;
  /** Envoy's response flags, as `%RESPONSE_FLAGS%` shows them: `UT`, `URX,UF`. */
  readonly flag: string | undefined;
  /** Envoy's word for where the answer comes from, as `%RESPONSE_CODE_DETAILS%` shows it: `via_upstream`. */
  readonly details: string | undefined;
  /** What the request's content type says. */
  readonly protocol: 'http' | 'grpc';
  /** From the request's head to the response's last byte. */
  readonly durationMs: number;
  /** Of the request's body as it went on to an upstream. */
  readonly requestBytes: number;
  /** Of the response's body. */
  readonly responseBytes: number;
  /** Of the endpoint that was asked last; undefined where none was. */
  readonly endpointLabels: Readonly<Record<string, string>> | undefined;
}

/** Counts requests somewhere. Must not throw. */
export interface MetricSink {
  requestEnded(outcome: RequestOutcome): void;
}
