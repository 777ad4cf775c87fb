/** Runs the Connect conformance suite against server.ts, client.ts or routed-client.ts on the runtime that runs this. Imports node and the peers. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { findPeer } from '../peer/find.ts';

/** What is run: a program of this folder, as which side of the suite. */
interface Subject {
  readonly mode: 'server' | 'client';
  /** Options of the suite's for this side. */
  readonly options: readonly string[];
  /** Cases that may fail, as test names of the suite. */
  readonly flaky: readonly string[];
  /** Cases that must fail. */
  readonly failing: readonly string[];
}

/**
 * When a call's own deadline passes, the gateway answers what Envoy does, gRPC's 14 with "upstream request timeout".
 * A client that has not noticed yet sees that in place of its 4.
 */
const GATEWAY_FLAKY = ['Timeouts/HTTPVersion:2/Protocol:PROTOCOL_GRPC/**'];

const SUBJECTS = {
  server: { mode: 'server', options: ['--max-servers', '2'], flaky: GATEWAY_FLAKY, failing: [] },
  client: {
    mode: 'client',
    options: [],
    flaky: GATEWAY_FLAKY,
    // A status beyond 599 is none, so that the gateway answers 502 in its place, which Connect and gRPC take for
    // `unavailable` where they take an unknown status for `unknown`.
    failing: ['Unexpected Responses/**/nonexistent-http-status-code'],
  },
  'routed-client': {
    mode: 'client',
    options: [],
    // Calls with a deadline of 200 ms, all at once: a busy machine is late with some of them.
    flaky: ['Deadline Propagation/**'],
    // All of them are @connectrpc/connect 2.2.0's own, and fail with its stock transports too.
    failing: [
      'Basic/**/Protocol:PROTOCOL_CONNECT/Codec:CODEC_PROTO/Compression:COMPRESSION_GZIP/TLS:false/unimplemented',
      'Basic/**/Protocol:PROTOCOL_GRPC_WEB/**/(grpc server impl)/bidi-stream/half-duplex/no-responses',
      'Connect Unexpected Responses/**/no-end-stream',
      'Connect Unexpected Responses/**/incomplete-message',
      'Connect Unexpected Responses/**/incomplete-message-prefix',
      'gRPC Unexpected Responses/**/incomplete-message',
      'gRPC Unexpected Responses/**/incomplete-message-prefix',
    ],
  },
} as const satisfies Readonly<Record<string, Subject>>;

/** What the suite said. */
export interface SuiteResult {
  /** How many cases passed; 0 where any has failed. */
  readonly passed: number;
  readonly output: string;
}

/** Patterns of cases' names. Default: all of them. */
export interface Selection {
  readonly only?: readonly string[];
  readonly without?: readonly string[];
}

/** `args` as the program takes them. */
export async function runSuite(
  program: keyof typeof SUBJECTS,
  args: readonly string[],
  { only = [], without = [] }: Selection = {},
): Promise<SuiteResult> {
  const { mode, options, flaky, failing }: Subject = SUBJECTS[program];
  const here = import.meta.dirname;
  const runtime = 'Deno' in globalThis ? ['run', '-A', '--no-check', '--quiet'] : [];
  const child = spawn(
    findPeer('connectconformance')!,
    [
      ...['--mode', mode, '--conf', join(here, `${program}-features.yaml`), ...options],
      ...failing.flatMap((name) => ['--known-failing', name]),
      ...flaky.flatMap((name) => ['--known-flaky', name]),
      ...only.flatMap((name) => ['--run', name]),
      ...without.flatMap((name) => ['--skip', name]),
      ...['--', process.execPath, ...runtime, join(here, `${program}.ts`), ...args],
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
