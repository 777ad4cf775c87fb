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
  /** Of servers with TLS, by their keys in `routes`, the names that choose them; null for any. */
  readonly serverNames: Readonly<Record<string, readonly string[] | null>>;
}

/** A running oracle. */
export interface Pilot {
  validate(yaml: string): Promise<readonly IstioVerdict[]>;
  /** Throws what pilot refuses. `world` is `case.json`. */
  generate(yaml: string, world: unknown): Promise<Generated>;
  close(): void;
}

type Answer = Partial<Generated> & { id: string; error?: string; verdicts?: IstioVerdict[] };

/** Starts the oracle's program, and again after a configuration that ends it: pilot panics at some. */
export function startPilot(program: string): Pilot {
  const waiting = new Map<string, (answer: Answer) => void>();
  let child: ChildProcessWithoutNullStreams | undefined;
  const start = () => {
    const started = spawn(program, [], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    started.stderr.on('data', (chunk) => {
      said = (said + chunk).slice(0, 4000);
    });
    createInterface({ input: started.stdout }).on('line', (line) => {
      const answer: Answer = JSON.parse(line);
      waiting.get(answer.id)?.(answer);
      waiting.delete(answer.id);
    });
    started.on('exit', () => {
      child = undefined;
      for (const [id, resolve] of waiting) resolve({ id, error: `the oracle ended: ${said}` });
      waiting.clear();
    });
    return started;
  };
  let count = 0;
  const ask = (request: object) =>
    new Promise<Answer>((resolve) => {
      const id = String(++count);
      waiting.set(id, resolve);
      child ??= start();
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
        serverNames = {},
      } = await ask({
        do: 'generate',
        yaml,
        world,
      });
      if (error) throw new Error(error);
      return { routes, managers, clusters, endpoints, serverNames };
    },
    close() {
      child?.stdin.end();
    },
  };
}
