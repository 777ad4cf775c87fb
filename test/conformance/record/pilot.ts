/** Asks Istio itself, through `test/peer/istio-oracle`: what its pilot makes of resources, and what its validation says. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** JSON of one Envoy message. */
// biome-ignore lint/suspicious/noExplicitAny: foreign JSON
export type Message = any;

/** What istioctl validate says of one document. */
export interface IstioVerdict {
  readonly doc: number;
  readonly kind?: string;
  readonly name?: string;
  readonly valid: boolean;
  readonly stage?: string;
  readonly error?: string;
  readonly warning?: string;
}

/** Envoy's configuration as pilot makes it; routes and managers by listener port. */
export interface Generated {
  readonly routes: Readonly<Record<string, Message>>;
  readonly managers: Readonly<Record<string, Message>>;
  readonly clusters: readonly Message[];
  /** Of clusters by EDS: names of endpoints, or `address:port`. */
  readonly endpoints: Readonly<Record<string, readonly string[]>>;
}

/** A running oracle. */
export interface Pilot {
  validate(yaml: string): Promise<readonly IstioVerdict[]>;
  /** Throws what pilot refuses. `world` is `case.json`. */
  generate(yaml: string, world: unknown): Promise<Generated>;
  close(): void;
}

type Answer = Partial<Generated> & { id: string; error?: string; verdicts?: IstioVerdict[] };

/** Starts the oracle's program. */
export function startPilot(program: string): Pilot {
  const child: ChildProcessWithoutNullStreams = spawn(program, [], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = (said + chunk).slice(-4000);
  });
  const waiting = new Map<string, (answer: Answer) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer: Answer = JSON.parse(line);
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  child.on('exit', () => {
    for (const [id, resolve] of waiting) resolve({ id, error: `the oracle ended: ${said}` });
    waiting.clear();
  });
  let count = 0;
  const ask = (request: object) =>
    new Promise<Answer>((resolve) => {
      const id = String(++count);
      waiting.set(id, resolve);
      child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  return {
    async validate(yaml) {
      const { verdicts, error } = await ask({ do: 'validate', yaml });
      if (error) throw new Error(error);
      return verdicts ?? [];
    },
    async generate(yaml, world) {
      const {
        error,
        routes = {},
        managers = {},
        clusters = [],
        endpoints = {},
      } = await ask({
        do: 'generate',
        yaml,
        world,
      });
      if (error) throw new Error(error);
      return { routes, managers, clusters, endpoints };
    },
    close() {
      child.stdin.end();
    },
  };
}
