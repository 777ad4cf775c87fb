/** Conditions on requests as people say them. Imports the algebra of regions. */
import { plainlyImplies } from '../../router/region/guess.ts';
import type { Requirement, TextRequirement } from '../../router/region/requirement.ts';
import { textOfBytes } from '../../router/table/byte-text.ts';

/** The conditions in words, those left out that others imply or that every request fulfils. */
export function wordsOf(requirements: readonly Requirement[]): string[] {
  return requirements
    .filter((each) => !isNothing(each))
    .filter((each) => {
      const others = requirements.filter((other) => other !== each);
      return !plainlyImplies(others, [each]);
    })
    .map(wordOf);
}

function isNothing(each: Requirement): boolean {
  return (
    each.kind === 'text' &&
    each.dimension.id === 'path' &&
    each.match.kind === 'prefix' &&
    each.match.value === '/'
  );
}

function wordOf(each: Requirement): string {
  if (each.kind === 'name') return `${each.dimension.id} ${each.names.join(' or ')}`;
  const [kind = '', ...rest] = each.dimension.id.split(' ');
  const what = kind === 'query' ? `query parameter ${textOfBytes(rest.join(' '))}` : each.dimension.id;
  return `${each.invert ? 'not ' : ''}${what} ${testOf(each)}`;
}

function testOf({ match, ignoreCase }: TextRequirement): string {
  const letters = ignoreCase ? ' in any letter case' : '';
  switch (match.kind) {
    case 'any':
      return 'present';
    case 'exact':
      return `= ${JSON.stringify(textOfBytes(match.value))}${letters}`;
    case 'prefix':
      return `begins with ${JSON.stringify(textOfBytes(match.value))}${letters}`;
    default:
      return `matches ${JSON.stringify(match.value)}`;
  }
}
