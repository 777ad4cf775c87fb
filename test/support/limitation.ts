/**
 * Which fields each limit of the gateway is about. Whether a limit is there is asked of the gateway itself, so that
 * one which is gone is gone from the page, and a new one that stands here not is an error.
 */
import { limitationsOf } from '../../gateway/limitation.ts';
import type { ValidResource } from '../../router/index.ts';

/** Fields by the word with which the gateway names what it does not carry out. Source: gateway/limitation.ts. */
const FIELDS: Readonly<Record<string, RegExp>> = {
  retryRemoteLocalities: /^http\[\]\.retries\.retryRemoteLocalities$/,
  consistentHash: /rafficPolicy\.(.*\.)?loadBalancer\.consistentHash\b/,
  connectionPool: /rafficPolicy\.(.*\.)?connectionPool\b/,
  outlierDetection: /rafficPolicy\.(.*\.)?outlierDetection\b/,
  tls: /rafficPolicy\.(.*\.)?tls\b/,
};

/** Words for one value of a field, which the rest of its values are not limited by. */
const VALUES: Readonly<Record<string, string>> = { PASSTHROUGH: 'trafficPolicy.loadBalancer.simple' };

const WITNESSES: readonly ValidResource[] = [
  witness('VirtualService', {
    hosts: ['a'],
    http: [{ retries: { attempts: 1, retryRemoteLocalities: true } }],
  }),
  ...[
    { loadBalancer: { consistentHash: { useSourceIp: true } } },
    { loadBalancer: { simple: 'PASSTHROUGH' } },
    { connectionPool: { tcp: { maxConnections: 1 } } },
    { outlierDetection: { interval: '1s' } },
    { tls: { mode: 'SIMPLE' } },
  ].map((trafficPolicy) => witness('DestinationRule', { host: 'a', trafficPolicy })),
];

function witness(kind: ValidResource['kind'], spec: unknown): ValidResource {
  const metadata = { name: 'witness', namespace: 'default' };
  return { apiVersion: 'networking.istio.io/v1', kind, metadata, spec } as ValidResource;
}

/** Says of a field's path whether the gateway leaves it out. Throws for a limit that nobody says the fields of. */
export function readLimits(resources: readonly ValidResource[]): {
  limits(path: string): boolean;
  /** The value that is left out, where it is one value of the field alone. */
  limitedValue(path: string): string | undefined;
} {
  const words = new Set(
    limitationsOf([...WITNESSES, ...resources]).flatMap(({ message }) => {
      const [, list] = /^Cannot carry out (.*?) of /.exec(message) ?? [];
      if (list === undefined) throw new Error(`Cannot read a limit of the gateway: ${message}`);
      return list.split(', ');
    }),
  );
  const unknown = [...words].filter((word) => !Object.hasOwn(FIELDS, word) && !Object.hasOwn(VALUES, word));
  if (unknown.length > 0)
    throw new Error(`Cannot say which fields these limits are about: ${unknown.join(', ')}`);
  const active = Object.entries(FIELDS).filter(([word]) => words.has(word));
  return {
    limits: (path) => active.some(([, fields]) => fields.test(path)),
    limitedValue: (path) =>
      Object.entries(VALUES).find(([word, field]) => words.has(word) && field === path)?.[0],
  };
}
