/**
 * Which names an API server takes. Imports nothing.
 * Source: k8s.io/apimachinery pkg/util/validation/validation.go, pkg/api/validation/generic.go
 */

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAME_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** True for what may stand as a label's value: nothing, or a name of at most 63 characters. */
export function isLabelValue(text: string): boolean {
  return text === '' || (text.length <= 63 && NAME_PART.test(text));
}

/** A `-` at the end is for what the server puts behind it; the character before goes unchecked, too, as there. */
export function withoutDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

/** True for lower-case names with dots between them. */
export function isSubdomain(name: string): boolean {
  return name.length <= 253 && SUBDOMAIN.test(name);
}

/** True for a name, or a domain, `/` and a name, as keys of labels are. */
export function isQualifiedName(key: string): boolean {
  const parts = key.split('/');
  const name = parts.at(-1)!;
  if (parts.length > 2 || name === '' || !isLabelValue(name)) return false;
  return parts.length === 1 || isSubdomain(parts[0]!);
}
