/** Where requests can go: endpoints, ejections, limits; and what comparisons of mirrors have found. */
import type { ClusterState } from '../../../../upstream/cluster-state.ts';
import type { MirrorState } from '../../../mirror-log.ts';
import { ask } from './ask.ts';
import { byId, element, table } from './element.ts';
import { numberText } from './text.ts';

/** The view; the function reads all anew. */
export function endpointsView(): () => Promise<void> {
  const endpoints = element('div');
  const mirrors = element('div');
  byId('endpoints').append(endpoints, mirrors);
  return async () => {
    const [known, compared] = await Promise.all([
      ask<{ readonly clusters: readonly ClusterState[] }>('/clusters'),
      ask<MirrorState>('/mirrors'),
    ]);
    if (known.ok) endpoints.replaceChildren(endpointTable(known.body.clusters));
    if (compared.ok) mirrors.replaceChildren(...mirrorTables(compared.body));
  };
}

function endpointTable(clusters: readonly ClusterState[]): HTMLElement {
  const rows = clusters.flatMap(({ host, port, subset = '–', loadBalancer, circuitBreaker, endpoints }) => {
    const limits = Object.entries(circuitBreaker).map(
      ([name, { active, max, overflows }]) =>
        `${name} ${active}/${max}${overflows > 0 ? `, ${overflows} over` : ''}`,
    );
    const common = [`${host.replace(/\.svc\.cluster\.local$/, '')}:${port}`, subset];
    if (endpoints.length === 0)
      return [[...common, mark('no endpoint', 'bad'), '', '', '', loadBalancer, limits.join('; ')]];
    return endpoints.map(({ address, labels, active, health, ejections }) => [
      ...common,
      address,
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
      mark(health, health === 'healthy' ? 'good' : 'bad'),
      `${numberText(active)} active, ${numberText(ejections)} ejections`,
      loadBalancer,
      limits.join('; '),
    ]);
  });
  if (rows.length === 0) return element('p', { class: 'notice' }, 'No rule or service names a destination.');
  return table(
    'Endpoints',
    ['service', 'subset', 'address', 'labels', 'health', 'now', 'load balancer', 'limits'],
    rows,
  );
}

function mark(text: string, mood: string): HTMLElement {
  return element('span', { class: `mark ${mood}` }, text);
}

function mirrorTables({ counts, samples, skipped }: MirrorState): HTMLElement[] {
  if (counts.length === 0)
    return [
      element(
        'p',
        { class: 'notice' },
        'No mirror is compared; the annotation pointsman.dev/compare asks for it.',
      ),
    ];
  return [
    table(
      `Mirrors compared${skipped > 0 ? `, ${skipped} skipped as too many were under way` : ''}`,
      ['destination', 'mirror', 'same', 'different', 'unknown'],
      counts.map(({ cluster, mirror, same, different, unknown }) => [
        cluster,
        mirror,
        same,
        different,
        unknown,
      ]),
    ),
    table(
      'Latest differences',
      ['time', 'request', 'mirror', 'difference'],
      samples.map(({ time, method, path, mirror, differences }) => [
        time,
        `${method} ${path}`,
        mirror,
        differences.map((each) => JSON.stringify(each)).join(', '),
      ]),
    ),
  ];
}
