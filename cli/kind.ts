/** Kinds as people type them and as kubectl prints them. */
import { usageFailure } from './failure.ts';

const NAMES: Readonly<Record<string, readonly string[]>> = {
  VirtualService: ['virtualservice', 'virtualservices', 'vs'],
  DestinationRule: ['destinationrule', 'destinationrules', 'dr'],
  ServiceEntry: ['serviceentry', 'serviceentries', 'se'],
  WorkloadEntry: ['workloadentry', 'workloadentries', 'we'],
  Gateway: ['gateway', 'gateways', 'gw'],
};

/** Kinds in the order they are applied: what a rule names comes before the rule. Deleted in the reverse order. */
const ORDER = ['ServiceEntry', 'WorkloadEntry', 'Gateway', 'DestinationRule', 'VirtualService'];

const GROUP = 'networking.istio.io';

/** The kinds that a word stands for: `vs`, `virtualservices.networking.istio.io`, `vs,dr`, `all`. Throws for another. */
export function kindsOf(words: string): string[] {
  if (words.toLowerCase() === 'all') return Object.keys(NAMES);
  return words.split(',').map((word) => {
    const plain = word.toLowerCase().replace(/(?:\.v1(?:alpha3|beta1)?)?\.networking\.istio\.io$/, '');
    const kind = Object.keys(NAMES).find((name) => NAMES[name]?.includes(plain));
    if (kind === undefined) {
      const known = Object.entries(NAMES).map(([name, words]) => `${name.toLowerCase()} (${words.at(-1)})`);
      throw usageFailure(`Cannot tell what kind "${word}" is: use ${known.join(', ')}`);
    }
    return kind;
  });
}

/** `virtualservice.networking.istio.io/NAME`, as kubectl names a resource; with its namespace unless that is `default`. */
export function kubectlName(resource: {
  kind: string;
  metadata: { name: string; namespace: string };
}): string {
  const { name, namespace } = resource.metadata;
  return `${resource.kind.toLowerCase()}.${GROUP}/${name}${namespace === 'default' ? '' : ` -n ${namespace}`}`;
}

/** A place in the order of applying. */
export function applyRank(kind: string): number {
  return ORDER.indexOf(kind);
}
