/**
 * Loaded by Node before the test files: what a failed test has left open does not keep their process. Not
 * `--test-force-exit`, which ends it before all results have reached the runner, and so loses some.
 */
import { after } from 'node:test';

/** Long enough for the results to be written, also on a busy machine. */
const GRACE_MS = 30_000;

after(() => {
  setTimeout(() => process.exit(), GRACE_MS).unref();
});
