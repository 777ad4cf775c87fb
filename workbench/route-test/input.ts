/** Texts of rules and route tests, told apart by what is in them. Imports the router. */
import { type Issue, type Resource, type ValidResource, validate } from '../../router/index.ts';
import { readDocuments } from '../../router/parse/document.ts';
import { readResources } from '../../router/parse/resource.ts';
import { isRouteTestDocument, isValidatorDocument } from './document.ts';
import { type RouteTest, readRouteTests } from './read.ts';
import { readValidatorCases, type ValidatorCase } from './validator-case.ts';

/** See {@link readTestInput}. */
export interface TestInput {
  readonly resources: readonly ValidResource[];
  readonly tests: readonly RouteTest[];
  /** Test cases of istio-config-validator. */
  readonly cases: readonly ValidatorCase[];
  /** How many files have tests. */
  readonly files: number;
  readonly issues: readonly Issue[];
}

/** What the texts hold; a file may have rules and tests. */
export function readTestInput(
  texts: readonly { readonly file: string; readonly bytes: Uint8Array }[],
): TestInput {
  const resources: Resource[] = [];
  const tests: RouteTest[] = [];
  const cases: ValidatorCase[] = [];
  const issues: Issue[] = [];
  const files = new Set<string>();
  for (const { file, bytes } of texts) {
    const read = readDocuments(bytes, file);
    issues.push(...read.issues);
    for (const document of read.documents) {
      if (isRouteTestDocument(document)) {
        const found = readRouteTests(document);
        tests.push(...found.tests);
        issues.push(...found.issues);
        files.add(file);
      } else if (isValidatorDocument(document)) {
        const found = readValidatorCases(document);
        cases.push(...found.cases);
        issues.push(...found.issues);
        files.add(file);
      } else {
        const found = readResources(document, { defaultNamespace: 'default', unknownFields: 'error' });
        resources.push(...found.resources);
        issues.push(...found.issues);
      }
    }
  }
  const validated = validate(resources);
  issues.push(...validated.issues);
  return { resources: validated.resources, tests, cases, files: files.size, issues };
}
