/** IP addresses and ranges of them. Imports the header list. */
import type { HeaderList } from '../table/request.ts';

/** Its bytes: 4, or 16. An IPv4 address written as IPv6 is IPv4. Undefined for what is none. */
export function parseAddress(text: string): readonly number[] | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** The first bytes of a range's addresses, and how many bits of them count. */
export interface AddressRange {
  readonly bytes: readonly number[];
  readonly bits: number;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. Undefined for what is none. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = '', length, ...more] = text.split('/');
  const bytes = parseAddress(address);
  if (!bytes || more.length > 0) return undefined;
  if (length === undefined) return { bytes, bits: bytes.length * 8 };
  // What is written as IPv6 counts its bits so, and those of a mapped address begin after the first 96.
  const written = address.includes(':') ? Number(length) - (16 - bytes.length) * 8 : Number(length);
  return /^\d{1,3}$/.test(length) && written >= 0 && written <= bytes.length * 8
    ? { bytes, bits: written }
    : undefined;
}

/** Whether an address lies in a range. */
export function isInRange(address: readonly number[], { bytes, bits }: AddressRange): boolean {
  if (address.length !== bytes.length) return false;
  for (let index = 0, left = bits; left > 0; index++, left -= 8) {
    const shift = left >= 8 ? 0 : 8 - left;
    if (address[index]! >> shift !== bytes[index]! >> shift) return false;
  }
  return true;
}

/**
 * Whom a sidecar takes for the client, and a gateway once it has added the connection's address itself: the last address of
 * `x-forwarded-for`, in one way of writing. Undefined where nothing is told, or what is no address.
 *
 * Source: Envoy `source/common/http/utility.cc` (Utility::getLastAddressFromXFF).
 */
export function clientAddress(headers: HeaderList): string | undefined {
  const last = headers.findLast(([name]) => name === 'x-forwarded-for')?.[1];
  const text = last?.slice(last.lastIndexOf(',') + 1).trim() ?? '';
  const bytes = text.includes('%') ? undefined : parseAddress(text);
  if (bytes?.length !== 4) return bytes && new URL(`http://[${text}]`).hostname.slice(1, -1);
  return (text.includes(':') ? '::ffff:' : '') + bytes.join('.');
}

function parseV4(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseV6(text: string): readonly number[] | undefined {
  const [bare = ''] = text.split('%', 1);
  const halves = bare.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (tail ? missing < 2 : missing !== 0) return undefined;
  const bytes = [...head, ...new Array<number>(tail ? missing : 0).fill(0), ...(tail ?? [])];
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return isMapped ? bytes.slice(12) : bytes;
}

/** Bytes of one side of `::`; the last group may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    } else {
      const v4 = index === groups.length - 1 ? parseV4(group) : undefined;
      if (!v4) return undefined;
      bytes.push(...v4);
    }
  }
  return bytes;
}
