/**
 * A real Chromium, driven by its own DevTools protocol over the runtime's WebSocket: pages are looked at, keys pressed and
 * buttons clicked as a person does it. No library between, which would be larger than all else that a clone installs.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, startAny } from '../program.ts';

/** How a page is shown. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly scheme: 'light' | 'dark';
}

/** How long something may take to appear, on a machine that does much else. */
const PATIENCE_MS = 30_000;

/** A started browser with one page. */
export class Browser {
  readonly #program: Program;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>();
  /** What the page's console and its policy complained of. */
  readonly complaints: string[] = [];
  #number = 0;

  private constructor(program: Program, folder: string, socket: WebSocket) {
    this.#program = program;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(`${data}`)));
  }

  /** Starts the program at `path` without a window. */
  static async start(path: string): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'pointsman-browser-'));
    const program = startAny(path, [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--hide-scrollbars',
      '--remote-debugging-port=0',
      `--user-data-dir=${folder}`,
      'about:blank',
    ]);
    const port = await until(() => /DevTools listening on ws:\/\/[^:]+:(\d+)\//.exec(program.stderr())?.[1]);
    const pages = await until(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
      const all = (await answer.json()) as { type: string; webSocketDebuggerUrl: string }[];
      return all.find(({ type }) => type === 'page');
    });
    const socket = new WebSocket(pages.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    const browser = new Browser(program, folder, socket);
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.send(`${domain}.enable`);
    return browser;
  }

  /** Sends one command of the protocol. */
  async send<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#number;
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await new Promise<{ result?: unknown; error?: { message: string } }>(
      (resolve) => this.#waiting.set(id, resolve),
    );
    if (error) throw new Error(`Cannot ${method}: ${error.message}`);
    return result as T;
  }

  /** Shows a page. */
  async open(url: string, { width, height, scheme }: Screen): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    await this.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
    await this.send('Page.navigate', { url });
    await this.see('document.readyState === "complete"');
  }

  /** The value of an expression in the page. */
  async value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send<{
      result: { value: T };
      exceptionDetails?: { text: string };
    }>('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`Cannot evaluate ${expression}: ${exceptionDetails.text}`);
    return result.value;
  }

  /** Resolves when the expression holds in the page. */
  async see(expression: string): Promise<void> {
    await until(
      async () => (await this.value<unknown>(`Boolean(${expression})`)) || undefined,
      () => `the page never shows ${expression}`,
    ).catch(async (error: Error) => {
      const shown = await this.value<string>(
        `document.querySelector('main section:not([hidden])')?.innerText`,
      );
      throw new Error(`${error.message}, but:\n${shown}`);
    });
  }

  /** Clicks into the middle of what a selector finds, as a mouse does. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.value<{ x: number; y: number }>(`(() => {
      const found = document.querySelector(${JSON.stringify(selector)});
      found.scrollIntoView({ block: 'center' });
      const { left, top, width, height } = found.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    })()`);
    for (const type of ['mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 });
  }

  /** Presses and lets go of one key; one that writes says its text. */
  async press(key: string, text?: string): Promise<void> {
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, ...(text !== undefined && { text }) });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key });
  }

  /** Writes a text in place of what a field holds. */
  async write(selector: string, text: string): Promise<void> {
    await this.click(selector);
    await this.value(`document.activeElement.select()`);
    await this.send('Input.insertText', { text });
  }

  /** A picture of the page as WebP. */
  async picture(path: string): Promise<void> {
    const { data } = await this.send<{ data: string }>('Page.captureScreenshot', {
      format: 'webp',
      quality: 80,
    });
    writeFileSync(path, Buffer.from(data, 'base64'));
  }

  /** Ends it, and forgets what it has stored. */
  async stop(): Promise<void> {
    this.#socket.close();
    this.#program.kill('SIGTERM');
    await this.#program.exit;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #receive(message: {
    id?: number;
    method?: string;
    params?: { entry?: { level: string; text: string }; exceptionDetails?: { text: string } };
  }): void {
    const { id, method, params } = message;
    if (id !== undefined) {
      this.#waiting.get(id)?.(message as object);
      this.#waiting.delete(id);
    } else if (method === 'Log.entryAdded' && params?.entry?.level === 'error')
      this.complaints.push(params.entry.text);
    else if (method === 'Runtime.exceptionThrown')
      this.complaints.push(JSON.stringify(params?.exceptionDetails));
  }
}

async function until<T>(
  look: () => T | undefined | Promise<T | undefined>,
  failure: () => string = () => 'the browser does not start',
): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`Waited ${PATIENCE_MS} ms: ${failure()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
