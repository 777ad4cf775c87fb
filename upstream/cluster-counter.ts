/** What Envoy counts of a cluster, in plain numbers. Imports the upstream's reasons. */
import type { ResetReason } from './upstream.ts';

/**
 * Counts over the cluster's life; it outlives the rules, as the cluster does.
 *
 * Source: Envoy `envoy/upstream/upstream.h` (ALL_CLUSTER_TRAFFIC_STATS).
 */
export class ClusterCounter {
  /** Requests under way: tries and copies. */
  active = 0;
  /** Requests sent, those that came to no connection included. */
  requests = 0;
  retries = 0;
  /** Retries after which no other one was asked for. */
  retrySuccesses = 0;
  /** Requests that would have been tried again, but for the rule's number of attempts. */
  retryLimitExceeded = 0;
  timeouts = 0;
  perTryTimeouts = 0;
  /** Requests for which there was no endpoint. */
  noneHealthy = 0;
  /** Tries that this side broke off. */
  sentResets = 0;
  /** Tries that the endpoint broke off. */
  receivedResets = 0;
  /** Tries that lost their connection, or came to none. */
  lostConnections = 0;
  /** Tries that came to no connection. */
  failedConnections = 0;
  /** Of those, the ones that took too long. */
  connectTimeouts = 0;

  /** A try or a copy begins. */
  began(): void {
    this.active++;
    this.requests++;
  }

  /** A try broke off. */
  broke(reason: ResetReason): void {
    switch (reason) {
      case 'connection-timeout':
        this.connectTimeouts++;
        this.failedConnections++;
        this.lostConnections++;
        break;
      case 'remote-connection-failure':
        this.failedConnections++;
        this.lostConnections++;
        break;
      case 'connection-termination':
        this.lostConnections++;
        break;
      case 'local-reset':
      case 'protocol-error':
        this.sentResets++;
        break;
      // What circuit breaking refuses it counts itself, within the turn in which the try began, so that nobody sees a count fall.
      case 'overflow':
        this.requests--;
        break;
      case 'remote-reset':
        this.receivedResets++;
    }
  }
}
