/** A list without items, one for all that have none: a table of many rules has ten of them for each. Imports nothing. */

/** Not to be changed, as its type says. */
export const NONE: readonly never[] = [];
