/**
 * Two verdicts on each document of a text: what `istioctl validate` says, and what a Kubernetes API server
 * with Istio's definitions says. A resource lives in a cluster only if both accept it. For `check`; nothing
 * that routes imports this.
 */
import type { Issue } from '../issue.ts';
import { readDocuments, type YamlDocument } from '../parse/document.ts';
import { isFields } from '../parse/resource.ts';
import type { Finding } from '../validate/spot.ts';
import { crdVerdict } from './crd.ts';
import { type IstioStage, istioVerdict } from './istio.ts';

export type { IstioStage } from './istio.ts';

/** Both verdicts on one document. */
export interface DocumentVerdict {
  /** As written; empty where the document has none. */
  readonly kind: string;
  readonly name: string;
  readonly istio: { readonly valid: boolean; readonly stage?: IstioStage; readonly issues: readonly Issue[] };
  /** Absent for a document that cannot be sent, as it is no YAML, and for kinds without a definition. */
  readonly crd?: { readonly valid: boolean; readonly issues: readonly Issue[] };
}

/** The verdicts on a text's documents, in their order; a `kind: List` is one document. Never throws for bad input. */
export function verdicts(text: string | Uint8Array, file = '-'): DocumentVerdict[] {
  const { documents, issues } = readDocuments(text, file);
  if (issues.length > 0) return [{ kind: '', name: '', istio: { valid: false, stage: 'yaml', issues } }];
  // After a wrong separator Istio's tool has lost the document before it and reads no further.
  const end = documents.findIndex(({ badSeparator }) => badSeparator);
  const read = end === -1 ? documents : [...documents.slice(0, Math.max(0, end - 1)), documents[end]!];
  return read.map(verdict);
}

/** Both verdicts on one document. */
export function verdict(document: YamlDocument): DocumentVerdict {
  const { value, source } = document;
  if (document.issues.length > 0)
    return { kind: '', name: '', istio: { valid: false, stage: 'yaml', issues: document.issues } };
  const place = ({ part, ...finding }: Finding): Issue => {
    const { line, column } = source.position(finding.path, part);
    return { ...finding, file: source.file, line, column, excerpt: source.line(line) };
  };
  const { findings, ...istio } = istioVerdict(value);
  const crd = crdVerdict(value);
  const fields = isFields(value) ? value : {};
  const metadata = isFields(fields['metadata']) ? fields['metadata'] : {};
  return {
    kind: typeof fields['kind'] === 'string' ? fields['kind'] : '',
    name: typeof metadata['name'] === 'string' ? metadata['name'] : '',
    istio: { ...istio, issues: findings.map(place) },
    ...(crd && { crd: { valid: crd.valid, issues: crd.findings.map(place) } }),
  };
}
