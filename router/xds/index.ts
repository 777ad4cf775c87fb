/**
 * What an Istio control plane sends over xDS, read as the table that the compiler makes of YAML. Each resource is read
 * by itself, so that one that is not understood is refused alone. Imports the generated messages and the table's types.
 */
export { readCluster, type XdsCluster } from './cluster.ts';
export { readLoadAssignment, type XdsEndpoints } from './endpoint.ts';
export { readListener, type XdsListener } from './listener.ts';
export { clusterNamesOf, clustersIn } from './reference.ts';
export { XdsRefusal } from './refusal.ts';
export { readRouteConfiguration, type XdsRoutes } from './route-configuration.ts';
export { createRoutesReader } from './routes-reader.ts';
export { readSecret } from './secret.ts';
export {
  createXdsTables,
  endpointsNames,
  routeNames,
  secretNames,
  type XdsResources,
  type XdsTableOptions,
} from './table.ts';
