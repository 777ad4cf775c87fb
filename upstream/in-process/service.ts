/** What all ways to a service in process share. Imports the wire's types. */
import type { RequestHead } from '../../wire/stream.ts';

/** Where a request went, as Connect's handlers are told. */
export function urlOf({ scheme, authority, path }: RequestHead): string {
  return `${scheme}://${authority}${path}`;
}

/** What it means that a service's handlers came to no answer at all. */
export function serviceFailure(cause: unknown): { readonly reason: 'remote-reset'; readonly detail: string } {
  return { reason: 'remote-reset', detail: `The service in process failed: ${cause}` };
}
