/** What two answers differ in. Imports nothing. */

/** One place where they differ. */
export interface Difference {
  readonly kind: 'status' | 'header' | 'trailer' | 'body';
  /** The header's name, or the field: `user.name`, `items.0.id`; of gRPC by number, `1.3`. Empty: all of it. */
  readonly where: string;
  /** Undefined: it has none. */
  readonly main: string | undefined;
  readonly copy: string | undefined;
}

/** Collects differences, up to a number. */
export class Differences {
  readonly found: Difference[] = [];
  readonly #ignored: readonly (readonly string[])[];

  /** `ignoredFields` are paths, in which `*` stands for any one step. */
  constructor(ignoredFields: readonly string[]) {
    this.#ignored = ignoredFields.map((field) => field.split('.'));
  }

  add(kind: Difference['kind'], where: string, main: string | undefined, copy: string | undefined): void {
    if (this.found.length < MAX_DIFFERENCES)
      this.found.push({ kind, where, main: shortened(main), copy: shortened(copy) });
  }

  /** True for a field, or one within a field, that is not to be looked at. */
  isIgnored(path: readonly string[]): boolean {
    return this.#ignored.some(
      (field) =>
        field.length <= path.length && field.every((step, index) => step === '*' || step === path[index]),
    );
  }
}

/** More are not told of one answer. */
const MAX_DIFFERENCES = 20;
/** Longer values are cut, as samples are kept. */
const MAX_VALUE_CHARS = 100;

function shortened(value: string | undefined): string | undefined {
  return value !== undefined && value.length > MAX_VALUE_CHARS
    ? `${value.slice(0, MAX_VALUE_CHARS)}…`
    : value;
}
