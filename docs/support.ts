/** Writes `docs/support.md`: `bun docs/support.ts`. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PAGE, supportPage } from '../test/support/page.ts';

writeFileSync(join(resolve(import.meta.dirname, '..'), PAGE), supportPage());
