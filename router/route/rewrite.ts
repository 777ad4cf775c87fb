/** Path and authority as they go upstream. Imports table types. */
import type { RegexProgram } from '../table/regex.ts';
import type { PathMatch, Rewrite } from '../table/route-table.ts';
import { pathOf, queryOf } from './path.ts';
import { findRegex } from './regex-find.ts';

/**
 * The path after the rewrite, query kept. A `uri` takes the place of what was matched: the prefix, or all of
 * the path where an exact path or a regex was.
 *
 * Source: Envoy `source/common/router/config_impl.cc` (RouteEntryImplBase::currentUrlPathAfterRewriteWithMatchedPath).
 */
export function rewritePath(path: string, match: PathMatch, rewrite: Rewrite | undefined): string {
  if (!rewrite) return path;
  if (rewrite.uri !== undefined) return replaceMatched(path, match, rewrite.uri);
  const { regex } = rewrite;
  if (!regex?.program) return path;
  return replaceAll(pathOf(path), regex.program, regex.replacement) + queryOf(path);
}

/** The path with what was matched replaced, query kept. */
export function replaceMatched(path: string, match: PathMatch, replacement: string): string {
  const matched = match.kind === 'prefix' ? match.value.length : pathOf(path).length;
  return replacement + path.slice(matched);
}

/**
 * Every match replaced, none of them overlapping, no empty one right after another.
 *
 * Source: RE2 `re2/re2.cc` (RE2::GlobalReplace, RE2::Rewrite).
 */
function replaceAll(text: string, regex: RegexProgram, replacement: string): string {
  let out = '';
  let at = 0;
  let lastEnd = -1;
  while (at <= text.length) {
    const groups = findRegex(regex, text, at);
    if (!groups) break;
    const [start = 0, end = 0] = groups;
    out += text.slice(at, start);
    if (start === lastEnd && start === end) {
      out += text.slice(start, start + 1);
      at = start + 1;
      continue;
    }
    out += expand(replacement, (group) => {
      const from = groups[2 * group] ?? -1;
      return from === -1 ? '' : text.slice(from, groups[2 * group + 1]);
    });
    at = end;
    lastEnd = end;
  }
  return out + text.slice(at);
}

/** `\1` is the first group, `\\` a backslash. */
function expand(replacement: string, group: (index: number) => string): string {
  return replacement.replace(/\\([\d\\])/g, (_, escaped: string) =>
    escaped === '\\' ? '\\' : group(Number(escaped)),
  );
}
