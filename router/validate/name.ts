/**
 * Names as Istio allows them: DNS labels, hosts with and without wildcard, labels, namespaces, Gateways.
 * Each rule reports at its place and says whether the name is right. Imports the place and addresses.
 * Source: istio/istio pkg/config/labels/instance.go, pkg/config/host/name.go, pkg/config/visibility,
 * pkg/config/validation/agent/validation.go (ValidateFQDN, ValidateWildcardDomain and what they call).
 */
import { isIpAddress } from './address.ts';
import { quote, type Spot } from './spot.ts';

const DNS_LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const WILDCARD_LABEL = /^(?:\*|(?:\*-?)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;
const LABEL_NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const INT64_MAX = (1n << 63n) - 1n;

/** True for a DNS label in any letter case, up to 63 characters. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && DNS_LABEL.test(name);
}

/** Why a name is no fully qualified domain name; undefined if it is one. One label is enough. */
export function fqdnProblem(name: string): string | undefined {
  return lengthProblem(name) ?? labelsProblem(name);
}

/** Why a name is no host, whose first label may be or begin with `*`; undefined if it is one. */
export function wildcardHostProblem(name: string): string | undefined {
  const length = lengthProblem(name);
  if (length !== undefined) return length;
  const dot = name.indexOf('.');
  const first = dot === -1 ? name : name.slice(0, dot);
  if (first.length > 63 || !WILDCARD_LABEL.test(first)) return labelReason(first);
  return dot === -1 ? undefined : labelsProblem(name.slice(dot + 1));
}

/** The same for hosts bound to a gateway, where `outbound_.80_._.host` is a server name of Istio's own. */
export function gatewayHostProblem(name: string, sni: boolean): string | undefined {
  const length = lengthProblem(name);
  if (length !== undefined) return length;
  if (!sni || !name.startsWith('outbound_')) return wildcardHostProblem(name);
  const parts = name.split('_');
  const fits =
    parts.length >= 4 &&
    /[0-9]/.test(parts[1]!.replaceAll(/^\.+|\.+$/g, '')) &&
    /[a-zA-Z]/.test(parts[3]!.replaceAll(/^\.+|\.+$/g, ''));
  return fits ? undefined : 'it does not have the form outbound_.PORT_._.HOST';
}

/** Reports a host that is none; true for a right one. */
export function checkHost(name: string, here: Spot): boolean {
  const problem = wildcardHostProblem(name);
  if (problem !== undefined) here.error('host', `Cannot use ${quote(name)} as host in ${here}: ${problem}`);
  return problem === undefined;
}

/**
 * Index of each host that is the same as another one or overlaps with it through a wildcard, with the index
 * of one such other before it. Source: host.Name.Matches
 */
export function overlappingHosts(hosts: readonly string[]): Map<number, number> {
  // Read backwards and sorted, what a wildcard covers stands right behind it.
  const sorted = hosts
    .map((host, index) => ({
      index,
      wild: host.startsWith('*'),
      text: [...host.replace(/^\*/, '')].reverse().join(''),
    }))
    .sort((one, other) =>
      one.text < other.text ? -1 : one.text > other.text ? 1 : Number(other.wild) - Number(one.wild),
    );
  const found = new Map<number, number>();
  const covering: typeof sorted = [];
  let previous: (typeof sorted)[number] | undefined;
  for (const host of sorted) {
    while (covering.length > 0 && !host.text.startsWith(covering.at(-1)!.text)) covering.pop();
    const other = covering.at(-1) ?? (previous?.text === host.text ? previous : undefined);
    if (other !== undefined) found.set(Math.max(host.index, other.index), Math.min(host.index, other.index));
    if (host.wild) covering.push(host);
    previous = host;
  }
  return new Map([...found].sort(([one], [other]) => one - other));
}

/** Whether every host of the first is one of the second. Source: host.Name.SubsetOf */
export function hostWithin(host: string, outer: string): boolean {
  const wild = host.startsWith('*');
  const outerWild = outer.startsWith('*');
  if (wild) return outerWild && host.length >= outer.length && host.slice(1).endsWith(outer.slice(1));
  return outerWild ? host.endsWith(outer.slice(1)) : host === outer;
}

/** Reports label keys and values that are not allowed. Source: labels.Instance.Validate */
export function checkLabels(labels: Readonly<Record<string, string>> | undefined, here: Spot): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (!isLabelKey(key)) {
      here
        .at(key)
        .error(
          'label',
          `Cannot use ${quote(key)} as the key of a label: write letters, digits, "-", "_" and ".", at most 63`,
          'key',
        );
    }
    if (value !== '' && !LABEL_NAME.test(value)) {
      here
        .at(key)
        .error(
          'label',
          `Cannot use ${quote(value)} as the value of the label ${quote(key)}: write letters, digits, "-", "_" and "."`,
        );
    }
  }
}

/** Reports references to Gateways that are not valid. Istio looks no further than the first one without a namespace. */
export function checkGatewayNames(names: readonly string[] | undefined, anyName: boolean, here: Spot): void {
  for (const [index, name] of (names ?? []).entries()) {
    const place = here.at(index);
    const slash = name.indexOf('/');
    if (slash === -1) {
      if (name.includes('.')) {
        const [gateway, namespace] = name.split('.');
        place.warning(
          'deprecated',
          `The name ${quote(name)} is in an old form: write "${namespace}/${gateway}"`,
        );
      }
      const problem = fqdnProblem(name);
      if (problem !== undefined)
        place.error(
          'gateway-name',
          `Cannot use ${quote(name)} as a gateway in ${place}: ${problem}; write "mesh", NAME or NAMESPACE/NAME`,
        );
      return;
    }
    const namespace = name.slice(0, slash);
    const gateway = name.slice(slash + 1);
    if (!isDnsLabel(namespace))
      place.error(
        'gateway-name',
        `Cannot use ${quote(name)} as a gateway in ${place}: the namespace ${quote(namespace)} is no valid name`,
      );
    if (gateway === '' || (!isDnsLabel(gateway) && !anyName)) {
      place.error(
        'gateway-name',
        `Cannot use ${quote(name)} as a gateway in ${place}: ${quote(gateway)} is no valid name`,
      );
    }
  }
}

/**
 * Reports a list of namespaces that is not valid. Source: validateExportTo
 * @param what A ServiceEntry may be exported to no one, `~`; a DestinationRule with a selector only to its own namespace.
 */
export function checkExportTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  here: Spot,
  what: { serviceEntry?: boolean; withSelector?: boolean } = {},
): void {
  if (exportTo === undefined || exportTo.length === 0) return;
  const seen = new Set<string>();
  for (const [index, entry] of exportTo.entries()) {
    const place = here.at(index);
    const key = entry === '.' ? namespace : entry;
    if (seen.has(key)) {
      place.error(
        'export-to',
        key === entry
          ? `The namespace ${quote(entry)} stands twice in ${here}`
          : `"." is the current namespace, ${quote(namespace)}, which stands in ${here} already`,
      );
    } else if (key === '*' || (what.serviceEntry && entry === '~') || isDnsLabel(key)) {
      seen.add(key);
    } else if (entry === '~') {
      place.error('export-to', `Cannot export to "~" (no one) in ${here}: only a ServiceEntry can`);
    } else {
      place.error(
        'export-to',
        `Cannot export to ${quote(entry)} in ${here}: write ".", "*" or the name of a namespace`,
      );
    }
  }
  if (what.withSelector && seen.size > 0 && !(seen.has(namespace) && seen.size === 1)) {
    here.error(
      'export-to',
      `Cannot export a DestinationRule with workloadSelector in ${here} beyond its own namespace: write "."`,
    );
  }
  if (exportTo.length > 1 && seen.has('*'))
    here.error('export-to', `Cannot export to "*" and more in ${here}: "*" is everyone already`);
  if (exportTo.length > 1 && seen.has('~'))
    here.error('export-to', `Cannot export to "~" (no one) and someone in ${here}`);
}

/** True for an address or host that an IP parser takes. */
export function isHostOrAddress(name: string): boolean {
  return fqdnProblem(name) === undefined || isIpAddress(name);
}

/** A name of at most 63 characters, with or without a domain before it. */
function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  if (name.length > 63 || !LABEL_NAME.test(name)) return false;
  return (
    slash === -1 ||
    (slash <= 253 &&
      key
        .slice(0, slash)
        .split('.')
        .every((label) => DNS_LABEL.test(label)))
  );
}

function lengthProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  return name.length > 255 ? 'it is longer than 255 characters' : undefined;
}

function labelsProblem(name: string): string | undefined {
  const labels = name.split('.');
  const last = labels.at(-1)!;
  if (/^[+-]?[0-9]+$/.test(last) && BigInt(last.replace(/^[+-]/, '')) <= INT64_MAX)
    return `its last label "${last}" is a number`;
  for (const [index, label] of labels.entries()) {
    // A dot at the end is allowed.
    if (label === '' && index === labels.length - 1) return undefined;
    if (!isDnsLabel(label)) return labelReason(label);
  }
  return undefined;
}

function labelReason(label: string): string {
  if (label === '') return 'it has an empty label';
  if (label.length > 63) return `its label "${label.slice(0, 20)}…" is longer than 63 characters`;
  return `its label ${quote(label)} is not letters, digits and "-" alone`;
}
