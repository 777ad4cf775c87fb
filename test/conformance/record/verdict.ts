/**
 * Asks istioctl's validation about each file of a folder that `verdict.json` has no verdicts on, and adds them:
 *
 *     test/peer/install.sh istio-oracle
 *     npx node test/conformance/record/verdict.ts --folder test/conformance/corpus/validation [--check]
 *
 * With `--check` all files are asked about, nothing is written, and the last line is `N passed, N failed, 0 skipped`.
 * What an API server would say is not asked here: files added so have no `crd`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findPeer } from '../../peer/find.ts';
import { type IstioVerdict, startPilot } from './pilot.ts';

interface Verdict {
  readonly doc: number;
  readonly kind?: string;
  readonly name?: string;
  readonly valid: boolean;
  readonly stage?: string;
  readonly errors?: readonly string[];
  readonly warnings?: readonly string[];
}

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { folder: { type: 'string' }, check: { type: 'boolean' } } });
  const oracle = findPeer('istio-oracle');
  if (!values.folder || !oracle) {
    console.error('Usage: npx node test/conformance/record/verdict.ts --folder DIR [--check]');
    console.error('It needs test/peer/install.sh istio-oracle');
    return 2;
  }
  const { folder, check } = values;
  const place = join(folder, 'verdict.json');
  const recorded: { files: Record<string, Verdict[]> } = JSON.parse(readFileSync(place, 'utf8'));
  const pilot = startPilot(oracle);
  let failed = 0;
  const names = readdirSync(folder).filter(
    (name) => name.endsWith('.yaml') && (check || !recorded.files[name]),
  );
  for (const name of names.sort()) {
    const verdicts = (await pilot.validate(readFileSync(join(folder, name), 'utf8'))).map(toVerdict);
    if (!check) recorded.files[name] = verdicts;
    else if (said(verdicts) !== said(recorded.files[name] ?? [])) {
      failed++;
      console.log(`FAIL ${name}: want ${said(recorded.files[name] ?? [])}, got ${said(verdicts)}`);
    }
  }
  pilot.close();
  if (!check) writeFileSync(place, `${JSON.stringify(recorded, null, 1)}\n`);
  console.log(`${names.length - failed} passed, ${failed} failed, 0 skipped`);
  return failed > 0 ? 1 : 0;
}

function toVerdict({ doc, kind, name, valid, stage, error, warning }: IstioVerdict): Verdict {
  return {
    doc,
    ...(kind && { kind }),
    ...(name && { name }),
    valid,
    ...(stage && { stage }),
    ...(error && { errors: [error] }),
    ...(warning && {
      warnings: warning
        .split(/^\s*\* /m)
        .slice(warning.includes('* ') ? 1 : 0)
        .map((each) => each.trim()),
    }),
  };
}

function said(verdicts: readonly Verdict[]): string {
  return verdicts.map(({ valid, stage }) => `${valid} ${stage ?? ''}`).join();
}
