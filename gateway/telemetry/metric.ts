/** What is told of each request once it is over, and who is told. Imports the response flags' type. */
import type { ResponseFlag } from '../../router/table/decision.ts';

/** One request and its outcome. */
export interface RequestOutcome {
  /** Host of the destination as the rules name it; absent where none was chosen. */
  readonly host?: string;
  readonly subset?: string;
  /** The route's name, or `NAMESPACE/NAME[INDEX]` of the rule without one; absent where no rule was taken. */
  readonly route?: string;
  /** HTTP status as the client saw it. */
  readonly status: number;
  /** Of a gRPC request. */
  readonly grpcStatus?: number;
  readonly flag?: ResponseFlag;
  /** From the request's head to the response's last byte. */
  readonly durationMs: number;
}

/** Counts requests somewhere. Must not throw. */
export interface MetricSink {
  requestEnded(outcome: RequestOutcome): void;
}
