/** What is told of each request once it is over, and who is told. Types only. */

/** One request and its outcome. */
export interface RequestOutcome {
  /** Host of the destination as the rules name it; undefined where none was chosen. */
  readonly host: string | undefined;
  readonly subset: string | undefined;
  /** The route's name, or `NAMESPACE/NAME[INDEX]` of the rule without one; undefined where no rule was taken. */
  readonly route: string | undefined;
  /** HTTP status as the client saw it. */
  readonly status: number;
  /** Of a gRPC request. */
  readonly grpcStatus: number | undefined;
  /** Envoy's response flags, as `%RESPONSE_FLAGS%` shows them: `UT`, `URX,UF`. */
  readonly flag: string | undefined;
  /** From the request's head to the response's last byte. */
  readonly durationMs: number;
}

/** Counts requests somewhere. Must not throw. */
export interface MetricSink {
  requestEnded(outcome: RequestOutcome): void;
}
