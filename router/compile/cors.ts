/** CorsPolicy -> the table's. Imports schema types and the table's. */
import { durationMs } from '../schema/duration.ts';
import type { CorsPolicy as CorsPolicySpec } from '../schema/virtual-service.ts';
import { byteText } from '../table/byte-text.ts';
import type { CorsPolicy } from '../table/route-table.ts';
import { compileStringMatch, regexMatch } from './match.ts';

/** Source: Istio `pilot/pkg/networking/core/route/route.go` (TranslateCORSPolicy). */
export function compileCors(cors: CorsPolicySpec | undefined): CorsPolicy | undefined {
  if (!cors) return undefined;
  const maxAgeMs = durationMs(cors.maxAge);
  return {
    allowOrigins: cors.allowOrigins?.length
      ? cors.allowOrigins.filter((match) => Object.keys(match).length > 0).map(compileOrigin)
      : (cors.allowOrigin ?? []).map((value) => ({ kind: 'exact', value: byteText(value) })),
    allowMethods: byteText((cors.allowMethods ?? []).join(',')),
    allowHeaders: byteText((cors.allowHeaders ?? []).join(',')),
    exposeHeaders: byteText((cors.exposeHeaders ?? []).join(',')),
    ...(maxAgeMs !== undefined && { maxAge: String(Math.trunc(maxAgeMs / 1000)) }),
    ...(cors.allowCredentials !== undefined && { allowCredentials: cors.allowCredentials }),
    forwardUnmatchedPreflights: cors.unmatchedPreflights !== 'IGNORE',
  };
}

/** Unlike a header's, an origin's regex `*` is a regex. Source: Istio `pilot/pkg/networking/util/util.go` (ConvertToEnvoyMatch). */
function compileOrigin(
  match: NonNullable<CorsPolicySpec['allowOrigins']>[number],
): CorsPolicy['allowOrigins'][number] {
  return match.regex !== undefined ? regexMatch(match.regex) : compileStringMatch(match);
}
