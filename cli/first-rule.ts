/**
 * Whether a gateway that lives by files has had a rule in effect: before it has, it is of no use to anybody. A cluster or a
 * control plane says by itself what there is, be it nothing. Imports the store.
 */
import { isRemoteSource } from '../config/named.ts';
import type { ConfigStore } from '../config/store.ts';

/** What becomes of a gateway whose files hold no rule at its start. */
export type Ruleless = 'ends' | 'waits';

/** Follows a store from before its start. */
export class FirstRule {
  readonly #store: ConfigStore;
  readonly #config: readonly string[];
  readonly #changed: (isThere: boolean) => void;
  #isThere: boolean;

  /** `changed` is told at once, and when the first rule comes. */
  constructor(store: ConfigStore, config: readonly string[], changed: (isThere: boolean) => void) {
    this.#store = store;
    this.#config = config;
    this.#changed = changed;
    this.#isThere = config.some(isRemoteSource);
    changed(this.#isThere);
    store.subscribe(() => this.#look());
  }

  #look(): void {
    if (this.#isThere || this.#store.current().resources.length === 0) return;
    this.#isThere = true;
    this.#changed(true);
  }

  /** Not even a rule that was refused, nor a file that could not be read. */
  get isNothingThere(): boolean {
    const { issues, states } = this.#store.current();
    return !this.#isThere && issues.length + states.length === 0;
  }

  /** Why there is none yet; undefined once there was one. */
  missing(): string | undefined {
    if (this.#isThere) return undefined;
    if (!this.isNothingThere) return 'no rule is in effect yet: what there is was refused';
    const names = this.#config.map((name) => `"${name}"`).join(', ');
    return `no rule in ${names} yet (of a folder its .yaml, .yml and .json files are read)`;
  }
}
