/** A workload's certificate, asked for when it is first needed and renewed long before it expires. Knows no authority and no socket. */
import type { WorkloadCertificate } from '../router/table/workload-certificate.ts';

/** One that an authority has issued. */
export interface IssuedCertificate extends WorkloadCertificate {
  /** Whom it is for: `spiffe://cluster.local/ns/default/sa/web`. */
  readonly identity: string;
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
}

/** How it stands with the certificate. */
export interface CertificateState {
  readonly identity?: string;
  /** ISO time. */
  readonly expires?: string;
  /** Why it could not be had or renewed, since it last was. */
  readonly reason?: string;
}

/** See the fields; all have the runtime's own as default. */
export interface RotationOptions {
  /** Milliseconds since 1970. */
  readonly nowMs?: () => number;
  /** Runs something later; returns what calls it off. */
  readonly delay?: (run: () => void, ms: number) => () => void;
  /** Returns a number in [0, 1). */
  readonly chance?: () => number;
  /** Told each time that one was issued, or was not. Default: nobody. */
  readonly onState?: (state: CertificateState) => void;
}

/** Of its life, how much is left when it is renewed, and by how much that differs from workload to workload. */
const GRACE_PERIOD_RATIO = 0.5;
const GRACE_PERIOD_RATIO_JITTER = 0.01;
/** Waits after refusals grow from the first to the last. */
const FIRST_WAIT_MS = 1000;
const LAST_WAIT_MS = 30_000;

/**
 * Holds the certificate in memory, its key too, from the first {@link current} to {@link close}; after that it begins anew.
 *
 * Source: Istio `security/pkg/nodeagent/cache/secretcache.go` (rotateTime), `pilot/cmd/pilot-agent/options/options.go`
 * (SECRET_GRACE_PERIOD_RATIO).
 */
export class RotatingCertificate {
  readonly #issue: () => Promise<IssuedCertificate>;
  readonly #nowMs: () => number;
  readonly #delay: NonNullable<RotationOptions['delay']>;
  readonly #chance: () => number;
  readonly #onState: (state: CertificateState) => void;
  #held: IssuedCertificate | undefined;
  #asking: Promise<IssuedCertificate> | undefined;
  #failure: { readonly error: Error; readonly untilMs: number; readonly count: number } | undefined;
  #callOff: () => void = () => {};
  /** One more for each {@link close}: what was asked for before is of no use any more. */
  #life = 0;

  /** `issue` asks the authority for one. */
  constructor(issue: () => Promise<IssuedCertificate>, options: RotationOptions = {}) {
    this.#issue = issue;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#delay = options.delay ?? afterMs;
    this.#chance = options.chance ?? Math.random;
    this.#onState = options.onState ?? (() => {});
  }

  /**
   * The certificate in effect. Rejects when none can be had; who asks again at once is given the same reason, and the
   * authority is left alone for a while.
   */
  async current(): Promise<WorkloadCertificate> {
    const nowMs = this.#nowMs();
    const held = this.#held;
    if (held && nowMs < held.expiresMs) return held;
    const failure = this.#failure;
    if (failure && nowMs < failure.untilMs && !this.#asking) throw failure.error;
    return this.#ask();
  }

  /** Forgets the certificate, and renews it no more. */
  close(): void {
    this.#life++;
    this.#callOff();
    this.#held = undefined;
    this.#asking = undefined;
    this.#failure = undefined;
  }

  /** One request for all who wait. */
  #ask(): Promise<IssuedCertificate> {
    this.#asking ??= this.#askOnce(this.#life);
    return this.#asking;
  }

  async #askOnce(life: number): Promise<IssuedCertificate> {
    const askedMs = this.#nowMs();
    try {
      const issued = await this.#issue();
      // Also of a time that is none. It would be asked for again and again.
      if (!(issued.expiresMs > this.#nowMs()))
        throw new Error(
          'the certificate that was issued has expired already: is the clock of this machine right?',
        );
      if (life !== this.#life) return issued;
      this.#held = issued;
      this.#failure = undefined;
      this.#renewIn(this.#renewalMs(issued, askedMs));
      this.#onState(stateOf(issued));
      return issued;
    } catch (error) {
      if (life === this.#life) this.#failed(error as Error);
      throw error;
    } finally {
      if (life === this.#life) this.#asking = undefined;
    }
  }

  #failed(error: Error): void {
    const count = (this.#failure?.count ?? 0) + 1;
    const limitMs = Math.min(FIRST_WAIT_MS * 2 ** (count - 1), LAST_WAIT_MS);
    const waitMs = limitMs * (0.5 + this.#chance() / 2);
    this.#failure = { error, untilMs: this.#nowMs() + waitMs, count };
    // Where nobody has had one yet, the next connection asks.
    if (this.#held) this.#renewIn(waitMs);
    this.#onState({ ...(this.#held && stateOf(this.#held)), reason: error.message });
  }

  #renewalMs({ expiresMs }: IssuedCertificate, issuedMs: number): number {
    const ratio = GRACE_PERIOD_RATIO + GRACE_PERIOD_RATIO_JITTER * (2 * this.#chance() - 1);
    return Math.max(FIRST_WAIT_MS, (expiresMs - issuedMs) * (1 - ratio));
  }

  #renewIn(ms: number): void {
    this.#callOff();
    // A longer one would be none: runtimes count in 31 bits.
    this.#callOff = this.#delay(() => void this.#ask().catch(() => {}), Math.min(ms, 2 ** 31 - 1));
  }
}

function stateOf({ identity, expiresMs }: IssuedCertificate): CertificateState {
  return { identity, expires: new Date(expiresMs).toISOString() };
}

function afterMs(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  timer.unref?.();
  return () => clearTimeout(timer);
}
