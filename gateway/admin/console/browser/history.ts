/** Versions of the configuration, what changed with each, and the way back. */
import type { HistoryEntry } from '../history.ts';
import { ask, errorOf, post } from './ask.ts';
import { byId, element, table } from './element.ts';

interface Config {
  readonly issues: readonly {
    readonly severity: string;
    readonly code: string;
    readonly message: string;
    readonly file?: string;
    readonly line?: number;
  }[];
}

/** The view; the function reads all anew. */
export function historyView(): () => Promise<void> {
  const says = element('p', { role: 'status', class: 'verdict' });
  const versions = element('div');
  const issues = element('ul', { class: 'issues' });
  byId('history').append(says, versions, element('h2', {}, 'What is wrong in the rules there now'), issues);
  const show = async (): Promise<void> => {
    const [past, config] = await Promise.all([
      ask<{ readonly versions: readonly HistoryEntry[] }>('/console/history'),
      ask<Config>('/config'),
    ]);
    if (past.ok) versions.replaceChildren(versionTable(past.body.versions, restore));
    if (!config.ok) return;
    const found = config.body.issues;
    issues.replaceChildren(
      ...(found.length === 0 ? [element('li', {}, 'nothing')] : []),
      ...found.map(({ severity, code, message, file, line }) =>
        element(
          'li',
          { class: severity },
          `${file === undefined ? '' : `${file}:${line ?? 1} `}${code}: ${message}`,
        ),
      ),
    );
  };
  const restore = async (version: number, at: number): Promise<void> => {
    const got = await post('/console/restore', { version, at });
    says.textContent = got.ok ? `The rules are those of version ${version} again.` : errorOf(got);
    says.className = `verdict ${got.ok ? 'good' : 'bad'}`;
    await show();
  };
  return show;
}

function versionTable(
  versions: readonly HistoryEntry[],
  restore: (version: number, at: number) => Promise<void>,
): HTMLElement {
  const now = versions[0]?.version ?? 0;
  return table(
    'Versions, the latest first',
    ['version', '', 'since', 'what changed'],
    versions.map(({ version, time, changes }) => [
      version,
      version === now
        ? 'in effect'
        : element('button', { type: 'button', onclick: () => void restore(version, now) }, 'Go back to it'),
      new Date(time).toLocaleTimeString(),
      changes
        .map(({ key, change, source }) => `${key} ${change}${source === undefined ? '' : ` (${source})`}`)
        .join(', ') || 'first rules, or nothing that routes',
    ]),
  );
}
