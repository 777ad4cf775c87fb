/** The playground as one file in a real Chromium, without a network. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { findPeer, skipWithout } from '../peer/find.ts';
import { root } from '../program.ts';
import { Browser } from './browser.ts';

test('the playground checks, explains and compares rules offline', {
  skip: skipWithout('chromium'),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-playground-'));
  const path = join(folder, 'playground.html');
  execFileSync(join(root, 'node_modules/.bin/bun'), [join(root, 'deploy/playground/generate.ts'), path]);
  const browser = await Browser.start(findPeer('chromium')!);
  try {
    await browser.send('Network.emulateNetworkConditions', {
      offline: true,
      latency: 0,
      downloadThroughput: 0,
      uploadThroughput: 0,
    });
    await browser.open(pathToFileURL(path).href, { width: 1280, height: 1000, scheme: 'light' });
    const text = (label: string) => `document.querySelector('[aria-label="${label}"]').textContent`;
    await browser.see(`/10 % of them go to v2 instead of v1/.test(${text('which requests move')})`);
    assert.match(await browser.value(text('why, by the rules')), /→ to reviews\S* subset v2/);
    const rules = await browser.value<string>(`document.querySelector('textarea').value`);
    await browser.write('textarea', rules.replace('exact:', 'exactly:'));
    await browser.see(
      `/rules.yaml:7:\\d+ unknown-field: [^]*did you mean "exact"/.test(${text('what is wrong in the rules')})`,
    );
    if (process.env['PICTURES']) await browser.picture(join(process.env['PICTURES'], 'playground.webp'));
    assert.deepEqual(browser.complaints, []);
  } finally {
    await browser.stop();
    rmSync(folder, { recursive: true });
  }
});
