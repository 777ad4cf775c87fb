/**
 * Istio's rules by kind, after the schema: one door to all of them. Imports the kinds' rules.
 * Source: istio/istio pkg/config/validation/validation.go, RegisterValidateFunc
 */
import type { Kind, SpecByKind } from '../schema/kind.ts';
import type { ResourceMetadata } from '../schema/resource.ts';
import { checkDestinationRule } from './destination-rule.ts';
import { checkGateway } from './gateway.ts';
import { checkServiceEntry } from './service-entry.ts';
import { type Finding, type Spot, spot } from './spot.ts';
import { checkVirtualService } from './virtual-service.ts';
import { checkWorkloadEntry } from './workload-entry.ts';

const REFUSED_ANNOTATIONS = [
  'istio.io/dry-run',
  'internal.istio.io/webhook-always-reject',
  'internal.istio.io/parent-namespace',
  'internal.istio.io/parents',
];

/** What Istio's validation finds in a resource whose spec fits its schema. Paths begin at the resource. */
export function checkResource<K extends Kind>(
  kind: K,
  spec: SpecByKind[K],
  metadata: ResourceMetadata,
): Finding[] {
  const findings: Finding[] = [];
  const root = spot((finding) => findings.push(finding), []);
  checkAnnotations(metadata, root.at('metadata', 'annotations'));
  const here = root.at('spec');
  switch (kind) {
    case 'VirtualService':
      checkVirtualService(spec as SpecByKind['VirtualService'], metadata, here);
      break;
    case 'DestinationRule':
      checkDestinationRule(spec as SpecByKind['DestinationRule'], metadata, here);
      break;
    case 'ServiceEntry':
      checkServiceEntry(spec as SpecByKind['ServiceEntry'], metadata, here);
      break;
    case 'WorkloadEntry':
      checkWorkloadEntry(spec as SpecByKind['WorkloadEntry'], { namesAllowed: true }, here);
      break;
    case 'Gateway':
      checkGateway(spec as SpecByKind['Gateway'], metadata, here, root);
      break;
  }
  return findings;
}

function checkAnnotations(metadata: ResourceMetadata, here: Spot): void {
  for (const name of REFUSED_ANNOTATIONS) {
    if (!Object.hasOwn(metadata.annotations ?? {}, name)) continue;
    here.at(name).error('metadata', `Cannot have the annotation "${name}": Istio keeps it for itself`, 'key');
  }
}
