/** ServiceEntry as people write it. Imports the building blocks. Source: istio/api networking/v1alpha3/service_entry.proto */
import type * as z from 'zod/mini';
import { textMap, texts } from './destination.ts';
import { enumeration, list, message, required, text, uint32 } from './proto-json.ts';
import { workloadEntrySpec } from './workload-entry.ts';

export const serviceEntryPort = message({
  number: required(uint32()),
  /** `HTTP`, `HTTP2`, `GRPC`, `HTTPS`, `TCP`, `TLS`, …; any letter case. */
  protocol: text(),
  name: required(text()),
  /** The endpoint's own port; default `number`. */
  targetPort: uint32(),
});

/** One port of a ServiceEntry. */
export interface ServiceEntryPort extends z.infer<typeof serviceEntryPort> {}

export const serviceEntrySpec = message({
  /** At least one; wildcards allowed. */
  hosts: required(texts),
  /** Virtual IPs or CIDR blocks. */
  addresses: texts,
  ports: list(serviceEntryPort),
  location: enumeration('MESH_EXTERNAL', 'MESH_INTERNAL'),
  resolution: enumeration('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
  endpoints: list(workloadEntrySpec),
  /** Picks WorkloadEntries and pods of the namespace instead of `endpoints`. */
  workloadSelector: message({ labels: textMap }),
  exportTo: texts,
  subjectAltNames: texts,
});

/** `spec` of a ServiceEntry. */
export interface ServiceEntrySpec extends z.infer<typeof serviceEntrySpec> {}
