/**
 * Writes to refused objects why they are refused (`k8s://?status`): one write at a time, and none that says what stands
 * there already, so that any number of replicas agree without knowing each other.
 */
import { wait } from '../wait.ts';
import { type KubernetesApi, KubernetesError } from './api.ts';
import { type ObjectWithStatus, type StatusPatch, statusPatch } from './condition.ts';

/** See the fields. */
export interface StatusWriterOptions {
  /** Between two writes. Default 100. */
  readonly intervalMs?: number;
  /** Between tries where the server does not take them. Default 30,000. */
  readonly retryMs?: number;
  /** Told why nothing can be written, and undefined when it can again. */
  stands(reason: string | undefined): void;
}

/** The object is another by now, or gone: its next version is judged anew. */
const OUTDATED: ReadonlySet<number> = new Set([404, 409]);

/** Writes until the signal aborts. */
export class StatusWriter {
  readonly #api: KubernetesApi;
  readonly #options: StatusWriterOptions;
  readonly #signal: AbortSignal;
  /** By the object's path. */
  readonly #waiting = new Map<string, { readonly patch: StatusPatch; readonly word: string }>();
  /** What was written of an object last: another replica that thinks otherwise is not contradicted twice. */
  readonly #written = new Map<string, string>();
  #isWriting = false;

  constructor(api: KubernetesApi, options: StatusWriterOptions, signal: AbortSignal) {
    this.#api = api;
    this.#options = options;
    this.#signal = signal;
  }

  /** Told of each version of an object: `refusal` is why it is refused; undefined: it is taken. */
  seen(path: string, object: ObjectWithStatus, refusal: string | undefined): void {
    const patch = statusPatch(object, refusal, new Date().toISOString());
    const word = `${object.metadata.uid}/${object.metadata.generation}/${refusal ?? ''}`;
    if (patch === undefined || this.#written.get(path) === word) {
      this.#waiting.delete(path);
      return;
    }
    this.#waiting.set(path, { patch, word });
    if (!this.#isWriting) void this.#write();
  }

  /** Told of an object that is no longer there. */
  gone(path: string): void {
    this.#waiting.delete(path);
    this.#written.delete(path);
  }

  async #write(): Promise<void> {
    const { intervalMs = 100, retryMs = 30_000, stands } = this.#options;
    this.#isWriting = true;
    while (!this.#signal.aborted) {
      const [path, due] = this.#waiting.entries().next().value ?? [];
      if (path === undefined || due === undefined) break;
      this.#waiting.delete(path);
      try {
        await this.#api.patch(`${path}/status`, due.patch, this.#signal);
        this.#written.set(path, due.word);
        stands(undefined);
        await wait(intervalMs, this.#signal);
      } catch (error) {
        if (this.#signal.aborted) break;
        if (error instanceof KubernetesError && OUTDATED.has(error.status)) continue;
        // What has come meanwhile is newer.
        if (!this.#waiting.has(path)) this.#waiting.set(path, due);
        stands(reasonOf(error as Error));
        await wait(retryMs, this.#signal);
      }
    }
    this.#isWriting = false;
  }
}

function reasonOf(error: Error): string {
  const isForbidden = error instanceof KubernetesError && error.status === 403;
  const what = isForbidden ? ', give it a role that may patch it (deploy/kubernetes/rbac-status.yaml)' : '';
  return `cannot write the status of refused resources${what}: ${error.message}`;
}
