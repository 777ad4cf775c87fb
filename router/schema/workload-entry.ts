/** WorkloadEntry as people write it. Imports the building blocks. Source: istio/api networking/v1alpha3/workload_entry.proto */
import type * as z from 'zod/mini';
import { textMap } from './destination.ts';
import { map, message, text, uint32 } from './proto-json.ts';

export const workloadEntrySpec = message({
  /** IP, name (with DNS resolution) or `unix:///path`. */
  address: text(),
  /** Port by the service port's name. */
  ports: map(uint32()),
  labels: textMap,
  network: text(),
  /** `region/zone/subzone`. */
  locality: text(),
  /** Share of the requests among the endpoints; 0 is the default, 1. */
  weight: uint32(),
  serviceAccount: text(),
});

/** `spec` of a WorkloadEntry, and one endpoint of a ServiceEntry. */
export interface WorkloadEntrySpec extends z.infer<typeof workloadEntrySpec> {}
