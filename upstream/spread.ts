/** Endpoints of several priorities and localities told apart, for pools whose tables have such: those of a control plane. */
import { isSpread, SpreadBalancer } from '../router/policy/spread.ts';
import type { Spread } from './pool.ts';

/** What {@link PoolOptions.spread} is where tables may come from a control plane. */
export const spreadByPlace: Spread = {
  isNeeded: isSpread,
  create: (options) => new SpreadBalancer(options),
};
