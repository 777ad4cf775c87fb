/**
 * How many bytes a decision allocates, and how many of them are the decision that is kept: what lies between is
 * garbage. Each shape in a run of its own is the most exact.
 *
 *     node --expose-gc --max-semi-space-size=64 bench/router/allocation.ts [--shapes exact]
 */
import { parseArgs } from 'node:util';
import { createRouter } from '../../router/index.ts';
import { formatTable, runtimeName } from './measure.ts';
import { requestOf, SHAPES, tableOf } from './rules.ts';

const { values } = parseArgs({ options: { shapes: { type: 'string', default: 'exact' } } });
const { gc } = globalThis as { gc?: () => void };
if (!gc) throw new Error('Cannot measure without the collector at hand: run node with --expose-gc');

const COUNT = 1000;
const WARM_UP = 300_000;
const CALLS = 5000;
const random = () => 0;

const rows = SHAPES.filter(({ name }) => values.shapes.split(',').includes(name)).map((shape) => {
  const router = createRouter(tableOf(shape, COUNT));
  const request = requestOf(shape, COUNT - 1);
  const kept: unknown[] = new Array(CALLS).fill(0);
  // What only a weak map holds goes in a later round than what holds the map's key.
  for (let round = 0; round < 4; round++) gc();
  for (let call = 0; call < WARM_UP; call++) router.route(request, random);
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let call = 0; call < CALLS; call++) kept[call] = router.route(request, random);
  const after = process.memoryUsage().heapUsed;
  gc();
  const later = process.memoryUsage().heapUsed;
  const bytes = (to: number) => ((to - before) / kept.length).toFixed(0);
  return [shape.name, bytes(after), bytes(later)];
});
console.log(`${runtimeName()}, bytes a decision\n`);
console.log(formatTable(['rules', 'allocated', 'kept'], rows));
