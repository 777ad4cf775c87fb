/** Looks names up as the system does, hosts file and search domains included. Uses node:dns. */
import * as dns from 'node:dns/promises';
import type { Resolution } from './dns.ts';

/**
 * The name's IPv4 addresses, or where it has none its IPv6 addresses, with their TTL where a name server tells one.
 * Rejects as `dns.lookup` does.
 */
export async function resolveName(name: string): Promise<Resolution> {
  const [found, ttlMs] = await Promise.all([dns.lookup(name, { all: true }), ttlOf(name)]);
  const four = found.filter(({ family }) => family === 4);
  const addresses = (four.length > 0 ? four : found).map(({ address }) => address);
  if (addresses.length === 0) throw new Error(`Cannot find an address of ${name}`);
  return { addresses: [...new Set(addresses)], ...(ttlMs !== undefined && { ttlMs }) };
}

async function ttlOf(name: string): Promise<number | undefined> {
  try {
    const records = await dns.resolve4(name, { ttl: true });
    return records.length === 0 ? undefined : Math.min(...records.map(({ ttl }) => ttl)) * 1000;
  } catch {
    return undefined;
  }
}
