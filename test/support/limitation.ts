/**
 * Which fields each limit of the gateway is about. Whether a limit is there is asked of the gateway itself, so that
 * one which is gone is gone from the page, and a new one that stands here not is an error.
 */

import { finish, type ValidResource } from '../../router/index.ts';
import { limitationsOf } from '../../traffic/rule-set/limitation.ts';

/** Fields by the word with which the gateway names what it does not carry out. Source: traffic/rule-set/limitation.ts. */
const FIELDS: Readonly<Record<string, RegExp>> = {
  'tcp routing': /^tcp\[\]/,
  'tls routing': /^tls\[\]/,
  retryRemoteLocalities: /^http\[\]\.retries\.retryRemoteLocalities$/,
  localityLbSetting: /rafficPolicy\.(.*\.)?loadBalancer\.localityLbSetting\b/,
  zoneAwareLbSetting: /rafficPolicy\.(.*\.)?loadBalancer\.zoneAwareLbSetting\b/,
  'tcpKeepalive.probes': /rafficPolicy\.(.*\.)?tcpKeepalive\.probes$/,
  'tcpKeepalive.interval': /rafficPolicy\.(.*\.)?tcpKeepalive\.interval$/,
  'retryBudget.budgetInterval': /rafficPolicy\.retryBudget\.budgetInterval$/,
  tunnel: /rafficPolicy\.tunnel\b/,
  proxyProtocol: /rafficPolicy\.proxyProtocol\b/,
};

const WITNESSES: readonly ValidResource[] = [
  witness('VirtualService', {
    hosts: ['a'],
    tcp: [{ route: [{ destination: { host: 'b' } }] }],
    tls: [{ match: [{ sniHosts: ['a'] }], route: [{ destination: { host: 'b' } }] }],
    http: [{ retries: { attempts: 1, retryRemoteLocalities: true } }],
  }),
  ...[
    { loadBalancer: { localityLbSetting: {}, zoneAwareLbSetting: {} } },
    { connectionPool: { tcp: { tcpKeepalive: { probes: 1, interval: '1s' } } } },
    { retryBudget: { budgetInterval: '1s' } },
    { tunnel: { targetHost: 'a', targetPort: 1 }, proxyProtocol: { version: 'V1' } },
  ].map((trafficPolicy) => witness('DestinationRule', { host: 'a', trafficPolicy })),
];

function witness(kind: ValidResource['kind'], spec: unknown): ValidResource {
  const metadata = { name: 'witness', namespace: 'default' };
  return { apiVersion: 'networking.istio.io/v1', kind, metadata, spec } as ValidResource;
}

/** All that a gateway can be given. */
const MEANS = { hasWorkloadCertificate: true, hasSecrets: true, isRouter: true };

/** Says of a field's path whether the gateway leaves it out. Throws for a limit that nobody says the fields of. */
export function readLimits(resources: readonly ValidResource[]): {
  limits(path: string): boolean;
} {
  const words = new Set(
    finish(limitationsOf([...WITNESSES, ...resources], MEANS)).flatMap(({ message }) => {
      const [, list] = /^Cannot carry out (.*?) of /.exec(message) ?? [];
      if (list === undefined) throw new Error(`Cannot read a limit of the gateway: ${message}`);
      return list.split(', ');
    }),
  );
  const unknown = [...words].filter((word) => !Object.hasOwn(FIELDS, word));
  if (unknown.length > 0)
    throw new Error(`Cannot say which fields these limits are about: ${unknown.join(', ')}`);
  const active = Object.entries(FIELDS).filter(([word]) => words.has(word));
  return {
    limits: (path) => active.some(([, fields]) => fields.test(path)),
  };
}
