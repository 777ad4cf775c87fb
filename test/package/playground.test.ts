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
    assert.match(await browser.value(text('why, by the rules')), /→ to dubbo-go-server\S* subset v2/);
    if (process.env['PICTURES']) await browser.picture(join(process.env['PICTURES'], 'playground.webp'));
    const rules = await browser.value<string>(`document.querySelector('textarea').value`);
    await browser.write('textarea', rules.replace('exact:', 'exactly:'));
    await browser.see(
      `/rules.yaml:14:\\d+ unknown-field: [^]*did you mean "exact"/.test(${text('what is wrong in the rules')})`,
    );
    assert.equal(
      await browser.value(text('which requests move')),
      'Not compared, as not all of the rules are valid',
    );
    await browser.write('textarea', rules);
    await browser.see(`/2 sets of requests move/.test(${text('which requests move')})`);
    // From the first box on, all is reached by keys.
    await browser.value(`document.querySelector('textarea').focus()`);
    const reached: string[] = [];
    for (let step = 0; step < 4; step++) {
      reached.push(await browser.value<string>('document.activeElement.getAttribute("aria-label")'));
      await browser.press('Tab');
    }
    assert.deepEqual(reached, [
      'rules',
      'what is wrong in the rules',
      'changed rules',
      'what is wrong in the changed rules',
    ]);
    await browser.open(pathToFileURL(path).href, { width: 390, height: 844, scheme: 'dark' });
    await browser.see(`/2 sets of requests move/.test(${text('which requests move')})`);
    assert.equal(await browser.value('document.documentElement.scrollWidth'), 390);
    assert.equal(await browser.value('getComputedStyle(document.body).backgroundColor'), 'rgb(22, 24, 28)');
    if (process.env['PICTURES'])
      await browser.picture(join(process.env['PICTURES'], 'playground-phone.webp'));
    assert.deepEqual(browser.complaints, []);
  } finally {
    await browser.stop();
    rmSync(folder, { recursive: true });
  }
});
