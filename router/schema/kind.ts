/** The kinds we read, each with its schema. Imports the schemas. */
import { type DestinationRuleSpec, destinationRuleSpec } from './destination-rule.ts';
import { type GatewaySpec, gatewaySpec } from './gateway.ts';
import type { Resource } from './resource.ts';
import { type ServiceEntrySpec, serviceEntrySpec } from './service-entry.ts';
import { type VirtualServiceSpec, virtualServiceSpec } from './virtual-service.ts';
import { type WorkloadEntrySpec, workloadEntrySpec } from './workload-entry.ts';

/** `spec` by kind. */
export interface SpecByKind {
  readonly VirtualService: VirtualServiceSpec;
  readonly DestinationRule: DestinationRuleSpec;
  readonly ServiceEntry: ServiceEntrySpec;
  readonly WorkloadEntry: WorkloadEntrySpec;
  readonly Gateway: GatewaySpec;
}

/** A kind that decides where requests go. */
export type Kind = keyof SpecByKind;

/** A resource whose spec has passed validation; told apart by `kind`. */
export type ValidResource = { [K in Kind]: Resource<SpecByKind[K]> & { readonly kind: K } }[Kind];

/** A valid resource of one kind. */
export type ValidResourceOf<K extends Kind> = Extract<ValidResource, { kind: K }>;

/** The schema of each kind's `spec`. */
export const SPEC_SCHEMAS = {
  VirtualService: virtualServiceSpec,
  DestinationRule: destinationRuleSpec,
  ServiceEntry: serviceEntrySpec,
  WorkloadEntry: workloadEntrySpec,
  Gateway: gatewaySpec,
} as const;

/** `apiVersion` without the group's name. */
export const API_VERSIONS = ['v1', 'v1beta1', 'v1alpha3'] as const;

/** The API group of all our kinds. */
export const API_GROUP = 'networking.istio.io';

/** Narrows a text to {@link Kind}. */
export function isKind(kind: string): kind is Kind {
  return Object.hasOwn(SPEC_SCHEMAS, kind);
}
