/**
 * Makes `router/verdict/crd-schema.ts` from Istio's resource definitions: each distinct node of the schemas
 * on a line of its own, as JSON with its children's line numbers. Run it after an update of `corpus/crds.yaml`:
 * `bun test/conformance/crd-schema.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

interface Definition {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}
type Schema = Record<string, unknown>;

/** The text of the generated module. Throws when a kind's versions differ, as then one schema a kind is not enough. */
export function crdSchemaModule(definitions: string): string {
  const lines: string[] = [];
  const numbers = new Map<string, number>();
  const node = (schema: Schema): number => {
    const compact: Schema = {};
    for (const [key, value] of Object.entries(schema)) {
      if (key === 'properties')
        compact[key] = Object.fromEntries(
          Object.entries(value as Record<string, Schema>).map(([name, child]) => [name, node(child)]),
        );
      else if (key === 'items' || key === 'additionalProperties') compact[key] = node(value as Schema);
      else if (key === 'description') continue;
      else compact[key] = value;
    }
    const line = JSON.stringify(compact);
    const known = numbers.get(line);
    if (known !== undefined) return known;
    numbers.set(line, lines.length);
    lines.push(line);
    return lines.length - 1;
  };
  const kinds: Record<string, number> = {};
  for (const document of parseAllDocuments(definitions)) {
    const definition = (document as { toJS(): unknown }).toJS() as Definition | null;
    if (definition === null) continue;
    const roots = new Set(definition.spec.versions.map((version) => node(version.schema.openAPIV3Schema)));
    if (roots.size !== 1) throw new Error(`The versions of ${definition.spec.names.kind} differ`);
    kinds[definition.spec.names.kind] = [...roots][0]!;
  }
  return `/**
 * The schemas by which a Kubernetes API server checks Istio's resources: one node a line, children by line
 * number. Made by \`bun test/conformance/crd-schema.ts\`; do not edit.
 * Source: istio.io/istio manifests/charts/base/files/crd-all.gen.yaml (Apache-2.0)
 */

/** Line of each kind's root. */
export const CRD_ROOTS: Readonly<Record<string, number>> = ${JSON.stringify(kinds, null, 2)
    .replaceAll('"', '')
    .replace(/(\d)\n\}/, '$1,\n}')};

/** JSON, a node a line. */
export const CRD_NODES = String.raw\`${lines.join('\n')}\`;
`;
}

if (import.meta.main) {
  const corpus = new URL('corpus/crds.yaml', import.meta.url);
  const target = new URL('../../router/verdict/crd-schema.ts', import.meta.url);
  writeFileSync(target, crdSchemaModule(readFileSync(corpus, 'utf8')));
}
