/** IP addresses and ranges as Go's net/netip reads them. Imports nothing. */

/** True for an IPv4 address without leading zeros, or an IPv6 address, with or without a zone. */
export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text, true);
}

/** True for an address, or a range such as `10.0.0.0/8`. Source: istio agent.ValidateIPSubnet */
export function isIpAddressOrRange(text: string): boolean {
  const parts = text.split('/');
  if (parts.length !== 2) return isIpAddress(text);
  const [address = '', bits = ''] = parts;
  if (!/^(0|[1-9][0-9]{0,2})$/.test(bits)) return false;
  if (isIpv4(address)) return Number(bits) <= 32;
  return isIpv6(address, false) && Number(bits) <= 128;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return (
    parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
  );
}

function isIpv6(text: string, zoneAllowed: boolean): boolean {
  const percent = text.indexOf('%');
  if (percent !== -1 && (!zoneAllowed || percent === text.length - 1)) return false;
  const address = percent === -1 ? text : text.slice(0, percent);
  if (!address.includes(':')) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1)!;
  let count = groups.reduce((sum, half) => sum + half.length, 0);
  const tail = last.at(-1);
  if (tail?.includes('.')) {
    // An IPv4 address may stand for the last two groups.
    if (!isIpv4(tail)) return false;
    last.pop();
    count += 1;
  }
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? count < 8 : count === 8;
}
