/** Istio's StringMatch. Imports the building blocks. Source: istio/api networking/v1alpha3/virtual_service.proto */
import type * as z from 'zod/mini';
import { map, message, text } from './proto-json.ts';

/** Of several set fields Istio keeps the last: regex, else prefix, else exact. Empty means that the field is present. */
export const stringMatch = message(
  {
    /** The whole value, letter case included. */
    exact: text(),
    prefix: text(),
    /** RE2 syntax; must match the whole value. */
    regex: text(),
  },
  [['exact', 'prefix', 'regex']],
);

/** How a text of the request is compared: one of exact, prefix and regex. */
export interface StringMatch extends z.infer<typeof stringMatch> {}

/** By header or query parameter name. */
export const stringMatches = map(stringMatch);
