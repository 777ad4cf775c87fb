/**
 * What `istioctl validate` says of one YAML document. Differs from `validate` in what it looks at: Istio
 * takes a resource without a name, does not open lists, and passes over what it does not know.
 * Imports the schema and the rules.
 * Source: istio/istio istioctl/pkg/validate/validate.go, validateFile and validateResource
 */
import { isFields } from '../parse/resource.ts';
import { API_GROUP, API_VERSIONS, isKind } from '../schema/kind.ts';
import type { ResourceMetadata } from '../schema/resource.ts';
import { readSpec } from '../validate/field.ts';
import { checkResource } from '../validate/rule.ts';
import type { Finding } from '../validate/spot.ts';

/** Where Istio's tool stopped: `yaml`, `parse` (the spec's types), `fields` (beside the spec), `validate` (its rules). */
export type IstioStage = 'yaml' | 'parse' | 'fields' | 'validate' | 'unknown-kind';

/** Istio's verdict. */
export interface IstioVerdict {
  readonly valid: boolean;
  /** Absent for a resource that passed all of them; `unknown-kind`: not looked at. */
  readonly stage?: IstioStage;
  readonly findings: readonly Finding[];
}

const TOP_FIELDS = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status']);

/** Istio's verdict on a document's value, as `readDocuments` gives it. */
export function istioVerdict(value: unknown): IstioVerdict {
  if (value !== null && !isFields(value)) {
    return refused('yaml', [
      { code: 'not-a-resource', severity: 'error', message: 'Expected a map', path: [] },
    ]);
  }
  const { apiVersion, kind } = value ?? {};
  const ours =
    typeof kind === 'string' &&
    isKind(kind) &&
    API_VERSIONS.some((version) => apiVersion === `${API_GROUP}/${version}`);
  if (value === null || !ours) return { valid: true, stage: 'unknown-kind', findings: [] };
  const { spec, findings } = readSpec(kind, value['spec'] ?? null, 'error');
  if (spec === undefined) return refused('parse', findings);
  const unknown = Object.keys(value).filter((field) => !TOP_FIELDS.has(field));
  if (unknown.length > 0) {
    return refused(
      'fields',
      unknown.map((field) => ({
        code: 'unknown-field',
        severity: 'error',
        message: `Unknown field ${JSON.stringify(field)}`,
        path: [field],
        part: 'key',
      })),
    );
  }
  const found = checkResource(kind, spec, metadataOf(value['metadata']));
  return found.some(({ severity }) => severity === 'error')
    ? refused('validate', found)
    : { valid: true, findings: found };
}

function refused(stage: IstioStage, findings: readonly Finding[]): IstioVerdict {
  return { valid: false, stage, findings };
}

/** As Kubernetes' unstructured objects read it: what has the wrong type is not there. */
function metadataOf(value: unknown): ResourceMetadata {
  const fields = isFields(value) ? value : {};
  const text = (field: string): string => (typeof fields[field] === 'string' ? fields[field] : '');
  const texts = (field: string): Record<string, string> => {
    const map = fields[field];
    return isFields(map) && Object.values(map).every((entry) => typeof entry === 'string')
      ? (map as Record<string, string>)
      : {};
  };
  return {
    name: text('name'),
    namespace: text('namespace') || 'default',
    labels: texts('labels'),
    annotations: texts('annotations'),
  };
}
