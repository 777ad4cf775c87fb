/**
 * Outlier detection: endpoints that keep failing are taken out for a while, as Envoy's detector does. A state
 * machine over time that is passed in; it needs no timer, as what its interval would have done is done when it is
 * asked. Imports the table's types.
 *
 * Source: Envoy `source/common/upstream/outlier_detection_impl.cc` (DetectorImpl, DetectorHostMonitorImpl).
 */
import type { OutlierDetection } from '../table/cluster.ts';

/** How a try came to no answer: no connection, a connection that broke off, or the time for it was over. */
export type LocalOriginFailure = 'connect' | 'reset' | 'timeout';

/** What the failures of one endpoint have come to. */
export class HostMonitor {
  isEjected = false;
  /** How often it was taken out. */
  ejections = 0;
  /** When it was last, on the detector's clock. */
  ejectedAtMs: number | undefined;
  readonly #detector: OutlierDetector;
  #consecutive5xx = 0;
  #consecutiveGatewayErrors = 0;
  #consecutiveLocalOriginFailures = 0;
  /** Times the base is how long it stays out; grows with each ejection, and shrinks with each quiet interval. */
  #backoff = 0;
  #returnedAtMs: number | undefined;

  constructor(detector: OutlierDetector) {
    this.#detector = detector;
  }

  /** True while time changes something about it. */
  get isPending(): boolean {
    return this.isEjected || (this.#backoff > 0 && this.#returnedAtMs !== undefined);
  }

  /** It has answered. Of gRPC that failed in its first headers the status that HTTP has for it. */
  answered(status: number): void {
    if (this.#detector.policy.splitLocalOrigin) this.#consecutiveLocalOriginFailures = 0;
    this.#count(status);
  }

  /** It has not. */
  failed(failure: LocalOriginFailure): void {
    const { policy } = this.#detector;
    if (!policy.splitLocalOrigin) {
      this.#count(failure === 'timeout' ? 504 : 503);
      return;
    }
    // A connection that was there has counted as a success.
    if (failure !== 'connect') this.#consecutiveLocalOriginFailures = 0;
    if (++this.#consecutiveLocalOriginFailures !== policy.consecutiveLocalOriginFailures || this.isEjected)
      return;
    this.#detector.eject(this);
    this.#consecutiveLocalOriginFailures = 0;
  }

  #count(status: number): void {
    if (status < 500 || status > 599) {
      this.#consecutive5xx = 0;
      this.#consecutiveGatewayErrors = 0;
      return;
    }
    const { policy } = this.#detector;
    if (status >= 502 && status <= 504) {
      if (++this.#consecutiveGatewayErrors === policy.consecutiveGatewayErrors && !this.isEjected) {
        this.#detector.eject(this);
        this.#consecutiveGatewayErrors = 0;
      }
    } else this.#consecutiveGatewayErrors = 0;
    if (++this.#consecutive5xx === policy.consecutive5xx && !this.isEjected) {
      this.#detector.eject(this);
      this.#consecutive5xx = 0;
    }
  }

  /** For the detector: takes it out. */
  eject(nowMs: number, { baseEjectionTimeMs, maxEjectionTimeMs }: OutlierDetection): void {
    this.isEjected = true;
    this.ejections++;
    this.ejectedAtMs = nowMs;
    if (this.#backoff * baseEjectionTimeMs < maxEjectionTimeMs + baseEjectionTimeMs) this.#backoff++;
  }

  /** For the detector: the interval has passed. True: it has come back. */
  intervalPassed(nowMs: number, { baseEjectionTimeMs, maxEjectionTimeMs }: OutlierDetection): boolean {
    if (!this.isEjected) return false;
    if (Math.min(baseEjectionTimeMs * this.#backoff, maxEjectionTimeMs) > nowMs - this.ejectedAtMs!)
      return false;
    this.isEjected = false;
    this.#consecutive5xx = 0;
    this.#consecutiveGatewayErrors = 0;
    this.#consecutiveLocalOriginFailures = 0;
    this.#returnedAtMs = nowMs;
    return true;
  }

  /** For the detector: after an interval without an ejection the next one is shorter. */
  forget(nowMs: number, intervalMs: number): void {
    if (this.isEjected || this.#returnedAtMs === undefined || this.#backoff === 0) return;
    if (nowMs - this.#returnedAtMs >= intervalMs) this.#backoff--;
  }
}

/** Watches the endpoints of one cluster. */
export class OutlierDetector {
  readonly policy: OutlierDetection;
  /** Ejections that would have taken out more than may be out. */
  overflows = 0;
  /** How often an endpoint was taken out. */
  ejections = 0;
  readonly #monitors = new Set<HostMonitor>();
  /** Those about whom time decides something. */
  readonly #pending = new Set<HostMonitor>();
  readonly #nowMs: () => number;
  readonly #changed: () => void;
  readonly #intervalMs: number;
  readonly #startedMs: number;
  #nextMs = Number.POSITIVE_INFINITY;
  #ejected = 0;

  /** `nowMs` is a clock that never goes back; `changed` hears when an endpoint goes or comes back. */
  constructor(policy: OutlierDetection, nowMs: () => number, changed: () => void) {
    this.policy = policy;
    this.#nowMs = nowMs;
    this.#changed = changed;
    this.#intervalMs = Math.max(1, policy.intervalMs);
    this.#startedMs = nowMs();
  }

  /** How many endpoints are out. */
  get ejected(): number {
    return this.#ejected;
  }

  /** A new endpoint, in. */
  watch(): HostMonitor {
    const monitor = new HostMonitor(this);
    this.#monitors.add(monitor);
    return monitor;
  }

  /** The endpoint is gone. */
  unwatch(monitor: HostMonitor): void {
    this.#monitors.delete(monitor);
    this.#pending.delete(monitor);
    if (monitor.isEjected) this.#ejected--;
  }

  /** For monitors: a threshold was reached. */
  eject(monitor: HostMonitor): void {
    if (!this.#monitors.has(monitor)) return;
    this.advance();
    const percent = (100 * (this.#ejected + 1)) / this.#monitors.size;
    if (percent > this.policy.maxEjectionPercent) {
      this.overflows++;
      return;
    }
    const now = this.#nowMs();
    this.#ejected++;
    this.ejections++;
    monitor.eject(now, this.policy);
    if (this.#pending.size === 0) {
      const intervals = Math.floor((now - this.#startedMs) / this.#intervalMs) + 1;
      this.#nextMs = this.#startedMs + intervals * this.#intervalMs;
    }
    this.#pending.add(monitor);
    this.#changed();
  }

  /** Does what the intervals that have passed would have done. Costs nothing while nobody is or was out. */
  advance(): void {
    if (this.#pending.size === 0) return;
    const now = this.#nowMs();
    let hasChanged = false;
    while (this.#nextMs <= now && this.#pending.size > 0) {
      const at = this.#nextMs;
      for (const monitor of this.#pending) {
        if (!monitor.intervalPassed(at, this.policy)) continue;
        this.#ejected--;
        hasChanged = true;
      }
      for (const monitor of this.#pending) {
        monitor.forget(at, this.#intervalMs);
        if (!monitor.isPending) this.#pending.delete(monitor);
      }
      this.#nextMs += this.#intervalMs;
    }
    if (hasChanged) this.#changed();
  }
}

/**
 * True where so few of the endpoints are in that all are used. Envoy counts five in seven as enough for everything.
 *
 * Source: Envoy `source/common/upstream/load_balancer_impl.cc` (recalculatePerPriorityPanic, isHostSetInPanic;
 * overprovisioning factor 140 %).
 */
export function isInPanic(total: number, healthy: number, minHealthPercent: number): boolean {
  if (total === 0 || (healthy * 140) / total >= 100) return false;
  return (healthy * 100) / total < Math.min(100, minHealthPercent);
}
