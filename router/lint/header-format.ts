/** Values of headers with a command that Envoy does not know, for which it refuses all routes. Imports the schema. */
import type { Issue } from '../issue.ts';
import type { ValidResource } from '../schema/kind.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { Headers } from '../schema/virtual-service.ts';
import { FORMAT_COMMAND } from '../table/format-command.ts';
import { warning } from './finding.ts';
import { FORMAT_COMMANDS } from './format-command.ts';
import type { RuleVerdicts } from './rule.ts';

/**
 * A finding for each value that is set or added and has an unknown command. Istio takes it, and hands it on.
 *
 * Source: Envoy `source/common/formatter/substitution_formatter.cc` (SubstitutionFormatParser::parse), asked.
 */
export function lintHeaderFormats(
  resources: readonly ValidResource[],
  { takenExample }: Pick<RuleVerdicts, 'takenExample'>,
): Issue[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'VirtualService') return [];
    return (resource.spec.http ?? []).flatMap((rule, index) => {
      const base: FieldPath = ['spec', 'http', index];
      const values = [
        ...valuesOf(rule.headers, base),
        ...(rule.route ?? []).flatMap(({ headers }, at) => valuesOf(headers, [...base, 'route', at])),
      ];
      return values.flatMap(({ path, value }) =>
        [...value.matchAll(FORMAT_COMMAND)].flatMap(([text, name]): Issue[] => {
          if (name === undefined || FORMAT_COMMANDS.has(name)) return [];
          const message = `Envoy has no command ${text}, and refuses all routes that come with it: ${HINTS[name] ?? 'name another, or write %% for a percent sign'}`;
          return [warning(resource, path, 'header-format', message, takenExample(resource.metadata, path))];
        }),
      );
    });
  });
}

/** What people mean. */
const HINTS: Readonly<Record<string, string>> = {
  METHOD: 'write %REQ(:METHOD)%',
  AUTHORITY: 'write %REQ(:AUTHORITY)%',
  HOST: 'write %REQ(:AUTHORITY)%',
  SCHEME: 'write %REQ(:SCHEME)%',
  STATUS: 'write %RESPONSE_CODE%',
};

function valuesOf(headers: Headers | undefined, base: FieldPath): { path: FieldPath; value: string }[] {
  return (['request', 'response'] as const).flatMap((side) =>
    (['set', 'add'] as const).flatMap((verb) =>
      Object.entries(headers?.[side]?.[verb] ?? {}).map(([name, value]) => ({
        path: [...base, 'headers', side, verb, name],
        value,
      })),
    ),
  );
}
