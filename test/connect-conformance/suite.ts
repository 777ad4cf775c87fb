/** Runs the Connect conformance suite against server.ts or client.ts on the runtime that runs this. Imports node and the peers. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { findPeer } from '../peer/find.ts';

/**
 * Cases that may fail, as test names of the suite, with why:
 *
 * When a call's own deadline passes, the gateway answers what Envoy does, gRPC's 14 with "upstream request timeout".
 * A client that has not noticed yet sees that in place of its 4.
 */
const KNOWN_FLAKY = ['Timeouts/HTTPVersion:2/Protocol:PROTOCOL_GRPC/**'];

/**
 * Cases that must fail. A status beyond 599 is none, so that the gateway answers 502 in its place, which Connect and
 * gRPC take for `unavailable` where they take an unknown status for `unknown`.
 */
const KNOWN_FAILING = ['Unexpected Responses/**/nonexistent-http-status-code'];

/** What the suite said. */
export interface SuiteResult {
  /** How many cases passed; 0 where any has failed. */
  readonly passed: number;
  readonly output: string;
}

/** `args` as the program of that mode takes them; `only`: patterns of cases' names. Default: all of them. */
export async function runSuite(
  mode: 'server' | 'client',
  args: readonly string[],
  only: readonly string[] = [],
): Promise<SuiteResult> {
  const here = import.meta.dirname;
  const runtime = 'Deno' in globalThis ? ['run', '-A', '--no-check', '--quiet'] : [];
  const child = spawn(
    findPeer('connectconformance')!,
    [
      ...['--mode', mode, '--conf', join(here, `${mode}-features.yaml`)],
      ...(mode === 'server'
        ? ['--max-servers', '2']
        : KNOWN_FAILING.flatMap((name) => ['--known-failing', name])),
      ...KNOWN_FLAKY.flatMap((name) => ['--known-flaky', name]),
      ...only.flatMap((name) => ['--run', name]),
      ...['--', process.execPath, ...runtime, join(here, `${mode}.ts`), ...args],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const code = await new Promise((done) => child.on('close', done));
  const passed = code === 0 ? Number(/^(\d+) passed, 0 failed/m.exec(output)?.[1] ?? 0) : 0;
  return { passed, output };
}
