/**
 * Which calls the Hono app's own middleware and routes have a say in. A call that none covers need not become a
 * `Request`; one that any covers must, so whatever is not plainly uncovered counts as covered. Imports Hono's types.
 */
import type { Hono } from 'hono';

/** Paths remembered. */
const REMEMBERED = 4096;

/** What can make Hono see another path than the wire's: coding, dots, backslashes, fragments, white space. */
const NOT_PLAIN = /[%\\#\t\n\r]|\/\.|^[^/]|^\/\//;

/** See the module. */
export class Coverage {
  readonly #app: Pick<Hono, 'routes' | 'router'>;
  readonly #known = new Map<string, boolean>();
  #hasOwnNotFound = false;

  constructor(app: object) {
    this.#app = app as Pick<Hono, 'routes' | 'router'>;
  }

  /** The user answers where nothing matches, too: then everything is covered. */
  replaceNotFound(): void {
    this.#hasOwnNotFound = true;
  }

  /** True unless no middleware and no route would see a request for this path, however it is written. */
  covers(method: string, path: string): boolean {
    if (this.#hasOwnNotFound) return true;
    if (this.#app.routes.length === 0) return false;
    if (NOT_PLAIN.test(path)) return true;
    const query = path.indexOf('?');
    const bare = query === -1 ? path : path.slice(0, query);
    const key = `${method} ${bare}`;
    let covered = this.#known.get(key);
    if (covered === undefined) {
      // Hono answers HEAD by the handlers of GET, and a Request writes well-known methods in capitals.
      const upper = method.toUpperCase();
      const asked = upper === 'HEAD' ? 'GET' : upper;
      covered = this.#app.router.match(asked, bare)[0].length > 0;
      if (this.#known.size >= REMEMBERED) this.#known.clear();
      this.#known.set(key, covered);
    }
    return covered;
  }
}
