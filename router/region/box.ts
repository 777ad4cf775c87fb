/** Boxes of cells, one set of cells for each dimension, and what is left of one after others are taken away. Imports nothing. */

/** For each dimension the cells that belong, a bit each. Empty as soon as one dimension has none. */
export type Box = readonly bigint[];

/**
 * The parts of a box that lie in none of the others, as boxes without overlap; none when the others cover it
 * together. Undefined when more than `maxBoxes` would have to be kept.
 */
export function subtractBoxes(box: Box, others: readonly Box[], maxBoxes: number): Box[] | undefined {
  let left: Box[] = box.includes(0n) ? [] : [box];
  for (const other of others) {
    left = left.flatMap((each) => subtractBox(each, other));
    if (left.length > maxBoxes) return undefined;
    if (left.length === 0) break;
  }
  return left;
}

function subtractBox(box: Box, other: Box): Box[] {
  if (box.some((cells, dimension) => (cells & other[dimension]!) === 0n)) return [box];
  const pieces: Box[] = [];
  const rest = [...box];
  for (const [dimension, cells] of box.entries()) {
    const outside = cells & ~other[dimension]!;
    if (outside === 0n) continue;
    pieces.push(rest.with(dimension, outside));
    rest[dimension] = cells & other[dimension]!;
  }
  return pieces;
}
