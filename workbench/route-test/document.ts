/** Tells documents of tests from resources. Pure. */
import type { YamlDocument } from '../../router/parse/document.ts';
import { isFields } from '../../router/parse/resource.ts';

/** True for a document that holds route tests, and is no resource. */
export function isRouteTestDocument({ value }: YamlDocument): boolean {
  return isFields(value) && 'tests' in value && !('apiVersion' in value);
}

/** True for a document of istio-config-validator's. */
export function isValidatorDocument({ value }: YamlDocument): boolean {
  return isFields(value) && 'testCases' in value && !('apiVersion' in value);
}
