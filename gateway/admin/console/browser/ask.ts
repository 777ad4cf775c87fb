/** Asks the admin port, with the token where it wants one. */
import { byId } from './element.ts';

/** An answer that was read. */
export interface Answer<T> {
  readonly status: number;
  readonly ok: boolean;
  /** The value of JSON, else the text. */
  readonly body: T;
  /** Version of the configuration that the answer speaks of; absent where it does not say. */
  readonly version?: number;
}

const TOKEN = 'pointsman-admin-token';

/** Rejects when the gateway cannot be reached. Asks for the token once it is wanted, and then again with it. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const headers = new Headers(init.headers);
  const token = sessionStorage.getItem(TOKEN);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  const response = await fetch(path, { ...init, headers });
  if (response.status === 401) {
    await askForToken();
    return ask(path, init);
  }
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  const version = /^"(\d+)"$/.exec(response.headers.get('etag') ?? '')?.[1];
  return {
    status: response.status,
    ok: response.ok,
    body: (isJson ? JSON.parse(text) : text) as T,
    ...(version !== undefined && { version: Number(version) }),
  };
}

/** The same with JSON to send. */
export function post<T>(path: string, body: unknown): Promise<Answer<T>> {
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** What a refusal says. */
export function errorOf({ body, status }: Answer<unknown>): string {
  const { error } = body as { error?: unknown };
  return typeof error === 'string' ? error : `The gateway answered ${status}`;
}

let asking: Promise<void> | undefined;

function askForToken(): Promise<void> {
  asking ??= new Promise<void>((resolve) => {
    const dialog = byId<HTMLDialogElement>('login');
    const input = byId<HTMLInputElement>('token');
    const close = () => {
      if (input.value === '') {
        dialog.showModal();
        return;
      }
      sessionStorage.setItem(TOKEN, input.value.trim());
      input.value = '';
      dialog.removeEventListener('close', close);
      asking = undefined;
      resolve();
    };
    dialog.addEventListener('close', close);
    dialog.showModal();
  });
  return asking;
}
