/**
 * What a decision costs, by the number and shape of rules in one virtual host.
 *
 *     bun bench/router/decide.ts [--counts 10,100,1000,10000] [--shapes exact,prefix,…] [--reference]
 *
 * `last`: one request again and again, of the last rule. `spread`: 1,024 requests of rules all over the list, each
 * with a path of its own where the shape allows. `first`: those 1,024 once, by a router that has decided nothing
 * before. `reference` is the definition, which walks the list.
 */
import { parseArgs } from 'node:util';
import { createReferenceRouter, createRouter, type RouteRequest } from '../../router/index.ts';
import { formatTable, nanoseconds, runtimeName } from './measure.ts';
import { requestOf, SHAPES, tableOf } from './rules.ts';

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '10,100,1000,10000' },
    shapes: { type: 'string', default: SHAPES.map(({ name }) => name).join() },
    reference: { type: 'boolean', default: false },
  },
});

const SPREAD = 1024;
const random = () => 0;
const rows: string[][] = [];
for (const shape of SHAPES.filter(({ name }) => values.shapes.split(',').includes(name))) {
  for (const count of values.counts.split(',').map(Number)) {
    const table = tableOf(shape, count);
    const router = createRouter(table);
    const last = requestOf(shape, count - 1);
    const spread: RouteRequest[] = Array.from({ length: SPREAD }, (_, index) =>
      requestOf(shape, (index * 7919) % count, index),
    );
    for (const [index, request] of [last, ...spread].entries()) {
      const want = index === 0 ? count - 1 : ((index - 1) * 7919) % count;
      const got = router.route(request, random).rule?.index;
      if (got !== want)
        throw new Error(`${shape.name}: rule ${got} took a request of rule ${want}: ${request.path}`);
    }
    const row = [
      shape.name,
      String(count),
      nanoseconds(() => router.route(last, random)).toFixed(0),
      nanoseconds((call) => router.route(spread[call % SPREAD]!, random)).toFixed(0),
    ];
    const unused = createRouter(structuredClone(table));
    const started = performance.now();
    for (const request of spread) unused.route(request, random);
    row.push((((performance.now() - started) * 1e6) / SPREAD).toFixed(0));
    if (values.reference) {
      const reference = createReferenceRouter(table);
      row.push(nanoseconds(() => reference.route(last, random), { rounds: 3, warmUpMs: 20 }).toFixed(0));
    }
    rows.push(row);
  }
}
console.log(`${runtimeName()}, nanoseconds a decision\n`);
const head = ['rules', 'N', 'last', 'spread', 'first', ...(values.reference ? ['reference, last'] : [])];
console.log(formatTable(head, rows));
