/**
 * The JSON schema of rules, for editors: what a Kubernetes API server with Istio's resource definitions takes, in the
 * draft that editors know best. Imports the router's copy of these definitions.
 */
import { CRD_NODES, CRD_ROOTS } from '../router/verdict/crd-schema.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What `schema/istio-rules.json` holds: VirtualService, DestinationRule, ServiceEntry, WorkloadEntry and Gateway, told apart by `kind`. */
export function ruleJsonSchema(): unknown {
  const nodes = CRD_NODES.split('\n').map((line) => JSON.parse(line) as Fields);
  const kinds = Object.keys(CRD_ROOTS);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: "Istio's traffic rules",
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata'],
    properties: {
      apiVersion: { enum: ['v1', 'v1beta1', 'v1alpha3'].map((version) => `networking.istio.io/${version}`) },
      kind: { enum: kinds },
      metadata: { type: 'object' },
      spec: {},
      status: {},
    },
    additionalProperties: false,
    allOf: kinds.map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ['kind'] },
      // biome-ignore lint/suspicious/noThenProperty: that is JSON Schema's word
      then: { properties: { spec: reference(specOf(nodes[CRD_ROOTS[kind]!]!)) } },
    })),
    definitions: Object.fromEntries(nodes.map((node, index) => [`node${index}`, converted(node)])),
  };
}

/** The node of the spec below a kind's root. */
const specOf = ({ properties }: Fields): number => (properties as { readonly spec: number }).spec;

const reference = (node: number) => ({ $ref: `#/definitions/node${node}` });

/** OpenAPI's `nullable` is a type here; what only Kubernetes knows is left out. */
function converted(node: Fields): Fields {
  const { type, properties, items, additionalProperties, enum: values, nullable, ...rest } = node;
  const isIntOrString = node['x-kubernetes-int-or-string'] === true;
  const types = [...(isIntOrString ? ['integer', 'string'] : type === undefined ? [] : [type])];
  const kept = Object.entries(rest).filter(
    ([name]) => !name.startsWith('x-kubernetes-') && name !== 'format',
  );
  const isOpen = node['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...(types.length > 0 && { type: nullable ? [...types, 'null'] : types.length === 1 ? types[0] : types }),
    ...(Array.isArray(values) && { enum: nullable ? [...values, null] : values }),
    ...(typeof items === 'number' && { items: reference(items) }),
    ...(typeof additionalProperties === 'number' && {
      additionalProperties: reference(additionalProperties),
    }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties as Record<string, number>).map(([name, each]) => [name, reference(each)]),
      ),
      // An API server drops such fields, and Istio refuses them: an editor should say so.
      ...(!isOpen && additionalProperties === undefined && { additionalProperties: false }),
    }),
    ...Object.fromEntries(kept),
  };
}
