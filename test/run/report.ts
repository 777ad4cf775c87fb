/** What a JUnit report of any of the runtimes says. */
import { existsSync, readFileSync } from 'node:fs';

/** How many tests there were of each outcome. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** See the fields. */
export interface Report extends Counts {
  /** Of those that failed, with their files where the report has them. */
  readonly failedNames: readonly string[];
  /** Why tests were skipped; Node's reports alone tell. */
  readonly reasons: readonly string[];
}

/** The report in a file; nothing of anything where there is no such file. */
export function readReport(file: string): Report {
  return parseReport(existsSync(file) ? readFileSync(file, 'utf8') : '');
}

/** The report in a text. */
export function parseReport(xml: string): Report {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failedNames: string[] = [];
  const reasons: string[] = [];
  for (const [, attributes = '', , content = ''] of xml.matchAll(
    /<testcase\b((?:"[^"]*"|[^">])*?)(\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1];
    if (/<(failure|error)\b/.test(content)) {
      counts.failed++;
      const file = /[\w./-]*(test\/[\w./-]+\.test\.ts)/.exec(
        attribute('file') ?? attribute('classname') ?? '',
      )?.[1];
      failedNames.push(
        `${withoutEntities(attribute('name') ?? '')}${file === undefined ? '' : ` (${file})`}`,
      );
    } else if (/<skipped\b/.test(content)) {
      counts.skipped++;
      const reason = /<skipped\b[^>]*\bmessage="([^"]*)"/.exec(content)?.[1];
      if (reason) reasons.push(reason);
    } else counts.passed++;
  }
  return { ...counts, failedNames, reasons };
}

function withoutEntities(text: string): string {
  const characters: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => characters[name] ?? '');
}
