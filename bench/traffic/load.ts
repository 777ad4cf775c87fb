/** Asks a gateway over kept connections, and tells how long each answer took. Imports node only. */
import { connect, createServer, type Socket } from 'node:net';
import { type Program, start } from '../../test/program.ts';

const HEAD_END = '\r\n\r\n';

/** An endpoint that answers `ok` to all, at the port returned. */
export async function openEndpoint(): Promise<{ port: number; close(): void }> {
  const answer = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok');
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk: Uint8Array) => {
      if (Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).includes(HEAD_END)) socket.write(answer);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { port: (server.address() as { port: number }).port, close: () => void server.close() };
}

/** A gateway in a process of its own; see `gateway.ts`. */
export interface MeasuredGateway {
  readonly program: Program;
  readonly port: number;
  /**
   * CPU time taken so far, in microseconds; how often rules were loaded; the most CPU time between two turns of the event
   * loop since this was asked last.
   */
  facts(): Promise<{ cpuUs: number; generation: number; longestTurnUs: number }>;
}

/** Starts one. */
export async function startGateway(endpointPort: number, rules: string): Promise<MeasuredGateway> {
  const program = start('bench/traffic/gateway.ts', [`${endpointPort}`, rules]);
  const [, port, factsPort] = await program.line(/^(\d+) (\d+)$/m);
  return {
    program,
    port: Number(port),
    facts: async () => (await fetch(`http://127.0.0.1:${factsPort}/`)).json() as Promise<never>,
  };
}

/** One connection for one call at a time. */
export class Caller {
  readonly #socket: Socket;
  #done: ((isRight: boolean) => void) | undefined;
  #text = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('close', () => this.#told(false));
    socket.on('data', (text) => {
      this.#text += text;
      if (this.#text.endsWith(`${HEAD_END}ok`)) this.#told(this.#text.startsWith('HTTP/1.1 200'));
      else if (this.#text.includes(HEAD_END) && !this.#text.startsWith('HTTP/1.1 200')) this.#told(false);
    });
  }

  /** Connects. */
  static open(port: number): Promise<Caller> {
    return new Promise((done, fail) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      socket.once('error', fail);
      socket.once('connect', () => done(new Caller(socket)));
    });
  }

  /** True: answered as it should be. */
  call(request: string): Promise<boolean> {
    return new Promise((done) => {
      this.#done = done;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #told(isRight: boolean): void {
    this.#text = '';
    const done = this.#done;
    this.#done = undefined;
    done?.(isRight);
  }
}
