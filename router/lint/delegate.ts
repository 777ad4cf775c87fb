/** Delegations that come to nothing, and VirtualServices that wait for one that never comes. Imports the compiler's VirtualServices. */
import type { PreparedVirtualService } from '../compile/virtual-service.ts';
import type { Issue } from '../issue.ts';
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import { warning } from './finding.ts';
import type { RuleVerdicts } from './rule.ts';

type VirtualService = ValidResourceOf<'VirtualService'>;

/**
 * The compiler's findings, those about rules that are left out with a request that such a rule was written for. Where
 * several VirtualServices delegate to one, that is not told.
 */
export function withLeftOutExamples(
  issues: readonly Issue[],
  prepared: readonly PreparedVirtualService[],
  resources: readonly VirtualService[],
  { fittingExample }: Pick<RuleVerdicts, 'fittingExample'>,
): Issue[] {
  return issues.map((issue) => {
    const { code, resource, path = [] } = issue;
    if (!code.startsWith('delegate-')) return issue;
    const own = resources.find(
      ({ metadata }) => metadata.name === resource?.name && metadata.namespace === resource.namespace,
    );
    const roots =
      code === 'delegate-match-conflict'
        ? resources.filter(({ metadata, spec }) =>
            (spec.http ?? []).some(
              ({ delegate }) =>
                delegate?.name === own?.metadata.name &&
                (delegate?.namespace || metadata.namespace) === own?.metadata.namespace,
            ),
          )
        : [own];
    const root = prepared.find(({ metadata }) => metadata === roots[0]?.metadata);
    if (own === undefined || root === undefined || roots.length > 1) return issue;
    const example = fittingExample(root, own.spec.http?.[Number(path[2])]?.match?.[0]);
    return example === undefined ? issue : { ...issue, example };
  });
}

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
