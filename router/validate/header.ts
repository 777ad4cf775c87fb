/**
 * Names and values of headers in rules. Imports the place.
 * Source: istio/istio pkg/config/validation/validation.go, header_value_validator.go, virtualservice.go
 */
import type { HeaderOperations, Headers } from '../schema/virtual-service.ts';
import { quote, type Spot } from './spot.ts';

/** With the comma, which Istio's expression lets through as its "+-." is a range. */
const HEADER_NAME = /^[!#$%&'*+,\-.^_`|~A-Za-z0-9]+$/;
const PSEUDO_HEADERS = new Set([':method', ':scheme', ':authority', ':path', ':status']);
const JWT_CLAIM = '@request.auth.claims';

/** True for a header name that stands for a claim of the request's token. Source: pkg/jwt/routing.go */
export function isJwtClaim(name: string): boolean {
  if (!name.toLowerCase().startsWith(JWT_CLAIM)) return false;
  const rest = name.slice(JWT_CLAIM.length);
  return (
    (rest.startsWith('.') && rest.length > 1) ||
    (rest.startsWith('[') && rest.endsWith(']') && rest.length > 2)
  );
}

/** Reports a name that no header of a request has. */
export function checkMatchedHeader(name: string, here: Spot): void {
  if (isJwtClaim(name) || PSEUDO_HEADERS.has(name) || HEADER_NAME.test(name)) return;
  here.error(
    'header-name',
    `Cannot match the header ${quote(name)}: ${name === '' ? 'the name is empty' : 'the name has a character that no header name has'}`,
    'key',
  );
}

/** Reports a name that cannot stand in a CORS list; `*` can. */
export function checkCorsHeader(name: string, here: Spot): void {
  if (name === '*' || HEADER_NAME.test(name)) return;
  here.error('cors', `Cannot list ${quote(name)} in ${here}: it is no header name`);
}

/** Reports operations on headers that Envoy does not allow, and values that it cannot read. */
export function checkHeaders(headers: Headers | undefined, here: Spot): void {
  checkOperations(headers?.request, here.at('request'), true);
  checkOperations(headers?.response, here.at('response'), false);
}

/** True for the request's authority by any of its names. */
export function isAuthorityHeader(name: string): boolean {
  // Upper case as Go's EqualFold compares.
  const upper = name.toUpperCase();
  return upper === ':AUTHORITY' || upper === 'HOST';
}

function checkOperations(operations: HeaderOperations | undefined, here: Spot, request: boolean): void {
  for (const kind of ['add', 'set'] as const) {
    for (const [name, value] of Object.entries(operations?.[kind] ?? {})) {
      const place = here.at(kind, name);
      checkChangedHeader(name, place, request);
      const problem = headerValueProblem(value);
      if (problem !== undefined)
        place.error(
          'header-value',
          `Cannot use ${quote(value)} as the value of a header in ${place}: ${problem}`,
        );
    }
  }
  for (const [index, name] of (operations?.remove ?? []).entries())
    checkChangedHeader(name, here.at('remove', index), false);
}

function checkChangedHeader(name: string, here: Spot, authorityAllowed: boolean): void {
  if (name === '') here.error('header-name', `Cannot change a header without a name in ${here}`, 'key');
  else if (isAuthorityHeader(name) ? authorityAllowed : !name.startsWith(':')) return;
  else if (isAuthorityHeader(name))
    here.error(
      'header-name',
      `Cannot change the header ${quote(name)} in ${here}: it can only be set or added in a request`,
    );
  else
    here.error(
      'header-name',
      `Cannot change the header ${quote(name)} in ${here}: names with ":" are not headers`,
    );
}

/** Why Envoy cannot read a header value, in which `%` begins an expression; undefined if it can. */
function headerValueProblem(value: string): string | undefined {
  for (const character of value) {
    const code = character.codePointAt(0)!;
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return 'it has a control character';
  }
  let rest = value;
  while (rest !== '') {
    const percent = rest.indexOf('%');
    if (percent === -1) return undefined;
    const expression = rest.slice(percent + 1);
    if (expression === '') return 'the "%" begins no expression, write "%%" for a percent sign';
    if (expression.startsWith('%')) {
      rest = expression.slice(1);
      continue;
    }
    const end = expressionEnd(expression);
    if (typeof end === 'string') return end;
    rest = expression.slice(end);
  }
  return undefined;
}

/** Length of `NAME%`, `NAME(text)%` or `NAME(["a","b"])%`; otherwise what is wrong with it. */
function expressionEnd(text: string): number | string {
  const unfinished = 'an expression after "%" does not end, write "%%" for a percent sign';
  const name = /^[^%(]*/.exec(text)![0];
  let at = name.length;
  if (at === text.length) return unfinished;
  if (text[at] === '%') return at + 1;
  at += 1;
  let state: 'list' | 'string' | 'text' | 'next' | 'close' | 'end' = 'list';
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (state === 'text') {
      if (character === '\\') {
        if (at + 1 === text.length) return 'a "\\" stands at the end';
        at += 1;
      } else if (character === ')') state = 'end';
      else if (character === '"') state = 'next';
      continue;
    }
    if (character === ' ') continue;
    if (state === 'list') state = character === '[' ? 'string' : 'text';
    else if (state === 'string') {
      if (character !== '"') return 'an argument lacks its quotes';
      state = 'text';
    } else if (state === 'next') {
      if (character !== ',' && character !== ']') return 'between arguments "," or "]" is expected';
      state = character === ',' ? 'string' : 'close';
    } else if (state === 'close') {
      if (character !== ')') return '")" is expected after "]"';
      state = 'end';
    } else {
      if (character !== '%') return '"%" is expected after ")"';
      return at + 1;
    }
  }
  return unfinished;
}
