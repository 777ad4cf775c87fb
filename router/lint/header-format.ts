/** Values of headers with a command that Envoy does not take, for which it refuses all routes. Imports the schema. */
import type { Issue } from '../issue.ts';
import type { ValidResource } from '../schema/kind.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { Headers } from '../schema/virtual-service.ts';
import { warning } from './finding.ts';
import { FORMAT_COMMANDS, FORMAT_OPTIONS } from './format-command.ts';
import type { RuleVerdicts } from './rule.ts';

/**
 * A finding for each value that is set or added and has a command that is unknown or written in another way. Istio takes it, and hands it on.
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
        [...value.matchAll(COMMAND)].flatMap(([text, name, argument, length]): Issue[] => {
          const fault = name === undefined ? undefined : faultOf(name, argument, length);
          if (fault === undefined) return [];
          const [what, advice] = fault;
          const message = `Envoy ${what} ${text}, and refuses all routes that come with it: ${advice}`;
          return [warning(resource, path, 'header-format', message, takenExample(resource.metadata, path))];
        }),
      );
    });
  });
}

/** As the router reads them, in small letters too. */
const COMMAND = /%%|%([A-Za-z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%/g;

/** What Envoy says of a command, and what would do. */
function faultOf(
  name: string,
  argument: string | undefined,
  length: string | undefined,
): readonly [string, string] | undefined {
  const takes = FORMAT_COMMANDS.get(name);
  const whole = argument === undefined ? `%${name}%` : `%${name}(${argument})%`;
  if (takes === undefined)
    return [
      'has no command',
      HINTS[name] ??
        (FORMAT_COMMANDS.has(name.toUpperCase())
          ? `write it in capitals, ${whole.replace(name, name.toUpperCase())}`
          : 'name another, or write %% for a percent sign'),
    ];
  if (takes === 'required' && argument === undefined)
    return ['wants an argument in', `write %${name}(NAME)%`];
  if (takes === 'none' && argument !== undefined) return ['wants no argument in', `write %${name}%`];
  if (length !== undefined && argument === undefined && name !== 'PATH' && name !== 'QUERY_PARAMS')
    return ['takes no length in', `write ${whole}`];
  if (
    /\?[^?]*\?/.test(argument ?? '') &&
    /^(?:REQ|RESP|TRAILER|REQUEST_HEADER|RESPONSE_HEADER|RESPONSE_TRAILER|STREAM_INFO_REQ)$/.test(name)
  )
    return ['has one alternative at most in', 'leave out the last "?"'];
  const first = argument?.split(':')[0] ?? '';
  const options = FORMAT_OPTIONS[name];
  if (options && first !== '' && !options.includes(first))
    return ['has no such option in', `write one of ${options.join(', ')}`];
  return undefined;
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
