/** VirtualServices that wait for a delegation that never comes. Imports the schema. */
import type { Issue } from '../issue.ts';
import type { ValidResource } from '../schema/kind.ts';
import { warning } from './finding.ts';

/** A finding for each VirtualService without hosts that no rule delegates to. */
export function lintDelegates(resources: readonly ValidResource[]): Issue[] {
  const services = resources.filter((each) => each.kind === 'VirtualService');
  const wanted = new Set(
    services.flatMap(({ metadata, spec }) =>
      (spec.http ?? []).flatMap(({ delegate }) =>
        delegate ? [`${delegate.namespace || metadata.namespace}/${delegate.name ?? ''}`] : [],
      ),
    ),
  );
  return services
    .filter(({ spec }) => (spec.hosts ?? []).length === 0)
    .filter(({ metadata }) => !wanted.has(`${metadata.namespace}/${metadata.name}`))
    .map((resource) =>
      warning(
        resource,
        ['spec'],
        'delegate-unused',
        `The rules here have no effect: the VirtualService has no hosts, and no rule delegates to '${resource.metadata.namespace}/${resource.metadata.name}'; give it hosts, or delegate to it`,
      ),
    );
}
