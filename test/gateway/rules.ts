/** Resources for tests that change rules while a gateway runs. */
import assert from 'node:assert/strict';
import { parse, type ValidResource, validate } from '../../router/index.ts';

/** The resources of a text, which have to be valid. */
export function validRules(yaml: string): readonly ValidResource[] {
  const parsed = parse(yaml, { file: 'rules.yaml' });
  const { resources, issues } = validate(parsed.resources);
  assert.deepEqual([...parsed.issues, ...issues], []);
  return resources;
}
