/**
 * The rules that requests are routed by, from the first configuration to the last: follows a feed and swaps whole
 * rule sets, for gateways and clients alike. Imports the store's types and upstream's pool.
 */
import type { ConfigSnapshot } from '../../config/store.ts';
import { finish, type Steps } from '../../router/steps.ts';
import type { UpstreamPool } from '../../upstream/pool.ts';
import { buildRuleSet, type RuleSet, type RuleSetOptions } from './rule-set.ts';

/** Where rules come from: a store of configuration, or a table that never changes. */
export interface RuleFeed {
  /** Resolves when {@link current} holds the first rules. */
  start(): Promise<void>;
  current(): Pick<ConfigSnapshot, 'resources' | 'services' | 'table'>;
  /** Has each later change carried out, one after the other. */
  follow(carryOut: () => Steps<void>): unknown;
}

/** See the fields. */
export interface RulesInEffectOptions extends Omit<RuleSetOptions, 'previous'> {
  /** Told of each rule set before any request is routed by it, or any endpoint let go that it does not name. */
  swapped?(rules: RuleSet): void;
  /** Told what rules ask for in vain. Default: nobody. */
  readonly log?: ((level: 'WARN' | 'ERROR', message: string) => void) | undefined;
}

/** Lives from {@link ready} until its feed is stopped. */
export class RulesInEffect {
  readonly #config: RuleFeed;
  readonly #pool: UpstreamPool;
  readonly #options: RulesInEffectOptions;
  #current: RuleSet | undefined;
  #ready: Promise<void> | undefined;
  #isFollowing = false;

  constructor(config: RuleFeed, pool: UpstreamPool, options: RulesInEffectOptions) {
    this.#config = config;
    this.#pool = pool;
    this.#options = options;
  }

  /** Undefined before the first configuration is in effect. */
  get current(): RuleSet | undefined {
    return this.#current;
  }

  /** Resolves when the first configuration is in effect. Rejects when a source cannot start; the next call tries again. */
  ready(): Promise<void> {
    this.#ready ??= this.#start().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #start(): Promise<void> {
    if (!this.#isFollowing) this.#config.follow(() => this.#swap());
    this.#isFollowing = true;
    await this.#config.start();
    if (this.#current === undefined) finish(this.#swap());
    if (this.#current === undefined) throw new Error('Cannot start: the first rules could not be compiled');
  }

  /** One assignment: a request sees the whole of one rule set, and keeps it. */
  *#swap(): Steps<void> {
    const { log, swapped, ...options } = this.#options;
    let rules: RuleSet;
    try {
      rules = yield* buildRuleSet(this.#config.current(), this.#pool, {
        ...options,
        previous: this.#current,
      });
    } catch (error) {
      // Compiling valid resources does not fail; should it ever, the rules in effect stay.
      log?.('ERROR', `Cannot compile the rules, the last good ones stay: ${(error as Error).message}`);
      return;
    }
    // Where nothing is compiled there is nothing to find.
    const texts = (of: RuleSet | undefined) => of?.issues.map((each) => options.compiler!.formatIssue(each));
    const known = new Set(texts(this.#current));
    this.#current = rules;
    swapped?.(rules);
    this.#pool.prune();
    for (const text of texts(rules)!) if (!known.has(text)) log?.('WARN', text);
  }
}
