/**
 * The recorded verdicts of `istioctl validate` and of a Kubernetes API server against Pointsman's: one file
 * of YAML documents, two verdicts a document.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DocumentVerdict, verdicts } from '../../router/verdict/index.ts';

/** One line of `verdict.json`. */
interface RecordedVerdict {
  readonly valid: boolean;
  readonly stage?: string;
  readonly errors?: readonly string[];
  readonly warnings?: readonly string[];
  readonly crd?: { readonly valid?: boolean; readonly error?: string };
}

/** One file's documents against what was recorded. */
export interface ValidationResult {
  readonly file: string;
  readonly passed: boolean;
  /** Each as want and got, in words. */
  readonly differences: readonly string[];
}

/** True for a folder of recorded verdicts. */
export function isValidationFolder(folder: string): boolean {
  return existsSync(join(folder, 'verdict.json'));
}

/**
 * Compares each file of a folder with its `verdict.json`: whether Istio takes the document and at which stage
 * it stops, how many warnings it has, and whether the API server takes it.
 */
export function runValidation(folder: string, filter?: string): ValidationResult[] {
  const { files } = JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8')) as {
    files: Readonly<Record<string, readonly RecordedVerdict[]>>;
  };
  return Object.entries(files)
    .filter(([file]) => filter === undefined || file.includes(filter))
    .map(([file, wanted]) => {
      const got = verdicts(readFileSync(join(folder, file)), file);
      const differences = wanted.flatMap((want, index) =>
        compare(want, got[index]).map((text) => `document ${index}: ${text}`),
      );
      if (got.length !== wanted.length)
        differences.push(`want ${wanted.length} documents, got ${got.length}`);
      return { file, passed: differences.length === 0, differences };
    });
}

function compare(want: RecordedVerdict, got: DocumentVerdict | undefined): string[] {
  if (got === undefined) return [];
  const differences: string[] = [];
  const said = (issues: readonly { readonly message: string }[]): string =>
    issues.map(({ message }) => message).join('; ') || 'nothing';
  if (want.valid !== got.istio.valid || want.stage !== got.istio.stage) {
    const wantText = `${want.valid ? 'valid' : 'refused'} ${want.stage ?? ''} (${(want.errors ?? []).join('; ')})`;
    differences.push(
      `istio: want ${wantText}, got ${got.istio.valid ? 'valid' : 'refused'} ${got.istio.stage ?? ''} (${said(got.istio.issues)})`,
    );
  } else if (want.valid && want.stage === undefined) {
    const warnings = got.istio.issues.filter(({ severity }) => severity === 'warning');
    if (warnings.length !== (want.warnings ?? []).length)
      differences.push(`warnings: want ${(want.warnings ?? []).join('; ') || 'none'}, got ${said(warnings)}`);
  }
  if (want.crd?.valid !== undefined && want.crd.valid !== got.crd?.valid) {
    differences.push(
      `crd: want ${want.crd.valid ? 'valid' : `refused (${want.crd.error})`}, got ${got.crd?.valid ? 'valid' : `refused (${said(got.crd?.issues ?? [])})`}`,
    );
  }
  return differences;
}
