/** Connections apart by the server name that they were opened for, where requests say it: Envoy's `auto_sni`. */
import type { RequestHead, Stream } from '../../wire/stream.ts';
import type { Upstream, UpstreamReceiver } from '../upstream.ts';

/** Names come from clients: beyond this many the one that was asked for least recently is drained. */
const MAX_NAMES = 256;

/** An upstream that has one of its own for each host in requests' authorities. */
export class ByServerName implements Upstream {
  readonly #create: (serverName: string) => Upstream;
  /** In the order of use. */
  readonly #upstreams = new Map<string, Upstream>();

  constructor(create: (serverName: string) => Upstream) {
    this.#create = create;
  }

  open(request: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream {
    const name = hostOf(request.authority);
    const upstreams = this.#upstreams;
    const upstream = upstreams.get(name) ?? this.#create(name);
    upstreams.delete(name);
    upstreams.set(name, upstream);
    if (upstreams.size > MAX_NAMES) {
      const [oldest, unused] = upstreams.entries().next().value!;
      upstreams.delete(oldest);
      unused.close?.();
    }
    return upstream.open(request, hasEnded, receiver);
  }

  close(isNow = false): void {
    for (const upstream of this.#upstreams.values()) upstream.close?.(isNow);
  }
}

/** `[::1]:80` is `::1`. */
function hostOf(authority: string): string {
  const [, inBrackets, plain] = /^(?:\[([^\]]*)\]|([^:]*))/.exec(authority)!;
  return (inBrackets ?? plain ?? '').toLowerCase();
}
