/** What people call hosts and destinations, and whom they mean by a name. Imports the router. */
import { parseClusterName } from '../router/compile/cluster-name.ts';
import type { Destination } from '../router/index.ts';

/** `shop` for `shop.default.svc.cluster.local`, `shop.other` for one of another namespace. */
export function hostName(host: string): string {
  return host.replace(/\.svc\.cluster\.local$/, '').replace(/^([^.]+)\.default$/, '$1');
}

/** `shop v2` for the name of a cluster; the name itself where it is no service's. */
export function targetName(cluster: string): string {
  const target = parseClusterName(cluster);
  if (!target) return cluster;
  return `${hostName(target.host)}${target.subset === undefined ? '' : ` ${target.subset}`}`;
}

/** True when a name, `SUBSET`, `HOST` or `HOST/SUBSET`, means this destination. */
export function isNamed(name: string, target: Destination | undefined): boolean {
  if (target === undefined) return false;
  const slash = name.indexOf('/');
  if (slash !== -1)
    return isHost(name.slice(0, slash), target.host) && target.subset === name.slice(slash + 1);
  return name === target.subset || isHost(name, target.host);
}

/** True for the host itself, and for shorter names of a service: `reviews`, `reviews.shop`, `reviews.shop.svc`. */
export function isHost(name: string, host: string): boolean {
  const lower = name.toLowerCase();
  if (lower === host) return true;
  const [service = '', namespace = '', svc = ''] = host.split('.');
  if (!host.endsWith('.svc.cluster.local')) return false;
  return [service, `${service}.${namespace}`, `${service}.${namespace}.${svc}`].includes(lower);
}
