/**
 * The PROXY protocol, version 2: how a load balancer that passes bytes on says who the client is. Imports nothing.
 *
 * Source: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2.
 */

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const FIXED_BYTES = 16;
/** Addresses and extensions; longer ones are refused. */
const MAX_BYTES = 4096;

/** What a header says. */
export interface ProxyHeader {
  /** Bytes of the header, after which the client's own begin. */
  readonly bytes: number;
  /** The client's address; undefined where the balancer speaks for itself (a health check), or the family is no IP. */
  readonly sourceAddress: string | undefined;
  /** Where the client dialled, `10.1.2.3:80` or `[fd00::1]:80`; undefined where {@link sourceAddress} is. */
  readonly originalDestination: string | undefined;
}

/** Reads the header at the start of a connection; undefined while it is not whole. Throws a RangeError for any other start. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | undefined {
  const known = Math.min(bytes.length, SIGNATURE.length);
  for (let at = 0; at < known; at++)
    if (bytes[at] !== SIGNATURE[at])
      throw new RangeError('The connection does not begin with a PROXY header');
  if (bytes.length < FIXED_BYTES) return undefined;
  const command = bytes[12]!;
  if (command !== 0x20 && command !== 0x21) throw new RangeError('The PROXY header is not of version 2');
  const length = (bytes[14]! << 8) | bytes[15]!;
  if (length > MAX_BYTES) throw new RangeError(`A PROXY header of ${length} bytes is too long`);
  const whole = FIXED_BYTES + length;
  if (bytes.length < whole) return undefined;
  const isLocal = command === 0x20;
  const family = bytes[13]! >> 4;
  if (isLocal || (family !== 1 && family !== 2))
    return { bytes: whole, sourceAddress: undefined, originalDestination: undefined };
  const size = family === 1 ? 4 : 16;
  if (length < size * 2 + 4) throw new RangeError('The PROXY header has no room for its addresses');
  const portAt = FIXED_BYTES + size * 2 + 2;
  const source = bytes.subarray(FIXED_BYTES, FIXED_BYTES + size);
  const destination = bytes.subarray(FIXED_BYTES + size, FIXED_BYTES + size * 2);
  const port = (bytes[portAt]! << 8) | bytes[portAt + 1]!;
  return {
    bytes: whole,
    sourceAddress: family === 1 ? source.join('.') : ipv6Text(source),
    originalDestination: `${family === 1 ? destination.join('.') : `[${ipv6Text(destination)}]`}:${port}`,
  };
}

function ipv6Text(address: Uint8Array): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((address[at]! << 8) | address[at + 1]!).toString(16));
  // The URL parser knows the short form (RFC 5952).
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
