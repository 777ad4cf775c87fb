/** A subset that a trusted client names for itself, whatever the weights say. Imports table types. */
import type { PreviewPolicy } from '../table/route-table.ts';
import { type AddressRange, isInRange, parseAddress, parseAddressRange } from './address.ts';
import { firstHeader } from './header.ts';
import type { RequestView } from './request.ts';

/**
 * The index among the policy's destinations; undefined where the request names none of them, or comes from somebody who is
 * not trusted. The address is the connection's own: what a header says of it is anybody's.
 */
export function pickPreview(policy: PreviewPolicy, view: RequestView): number | undefined {
  const asked = firstHeader(view.headers, policy.header);
  if (asked === undefined || !isTrusted(policy, view.sourceAddress)) return undefined;
  const index = policy.destinations.findIndex(({ subset }) => subset === asked);
  return index === -1 ? undefined : index;
}

function isTrusted(policy: PreviewPolicy, sourceAddress: string | undefined): boolean {
  if (policy.everyClient) return true;
  const address = parseAddress(sourceAddress ?? '');
  return address !== undefined && rangesOf(policy).some((range) => isInRange(address, range));
}

const parsed = new WeakMap<PreviewPolicy, readonly AddressRange[]>();

function rangesOf(policy: PreviewPolicy): readonly AddressRange[] {
  let ranges = parsed.get(policy);
  if (!ranges) {
    ranges = policy.ranges.flatMap((range) => parseAddressRange(range) ?? []);
    parsed.set(policy, ranges);
  }
  return ranges;
}
