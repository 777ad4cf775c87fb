/** The options that say who sends requests, for the commands that look at rules away from traffic. */
import type { Client } from '../workbench/client.ts';

/** The options as commander has them. */
export interface ClientOptions {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly gateway?: string;
}

/** The client that the options name; undefined where they name none. */
export function clientOf({ namespace, labels, gateway }: ClientOptions): Client | undefined {
  if (namespace === undefined && labels === undefined && gateway === undefined) return undefined;
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labels !== undefined && { labels }),
    ...(gateway !== undefined && { gateway }),
  };
}
