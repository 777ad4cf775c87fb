/** The docs as a site: every link leads somewhere, and the playground works where the docs tell of it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { findPeer, skipWithout } from '../peer/find.ts';
import { root } from '../program.ts';
import { Browser } from './browser.ts';

let site: string;
before(() => {
  site = mkdtempSync(join(tmpdir(), 'pointsman-docs-'));
  const env = { ...process.env, REPOSITORY: 'https://git.example/pointsman/blob/main/' };
  execFileSync(join(root, 'node_modules/.bin/bun'), [join(root, 'deploy/docs/generate.ts'), site], { env });
});
after(() => rmSync(site, { recursive: true, force: true }));

test('every link of the site leads to a page, a place on it, or a file of the repository', () => {
  const pages = readdirSync(site).filter((name) => name.endsWith('.html') && name !== 'playground.html');
  const textOf = (name: string): string => readFileSync(join(site, name), 'utf8');
  let links = 0;
  for (const page of pages) {
    for (const [, link = ''] of textOf(page).matchAll(/(?:href|src)="([^"]*)"/g)) {
      if (link.startsWith('data:')) continue;
      links++;
      const own = /^https:\/\/git\.example\/pointsman\/blob\/main\/([^#]+)/.exec(link)?.[1];
      if (own !== undefined) assert.ok(existsSync(join(root, own)), `${page}: ${link}`);
      if (/^https?:/.test(link)) continue;
      const [file = '', place] = link.split('#');
      assert.ok(existsSync(join(site, file || page)), `${page}: ${link}`);
      if (place !== undefined) assert.ok(textOf(file || page).includes(` id="${place}"`), `${page}: ${link}`);
    }
  }
  assert.ok(pages.length > 10 && links > 300, `${links} links on ${pages.length} pages`);
});

test('diagrams are pictures of their own', () => {
  const pages = readdirSync(site).filter((name) => name.endsWith('.html'));
  const html = pages.map((name) => readFileSync(join(site, name), 'utf8')).join('');
  assert.doesNotMatch(html, /language-mermaid/);
  const written = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => readFileSync(join(root, name), 'utf8').match(/^```mermaid$/gm) ?? []);
  const pictures = [...html.matchAll(/<img src="([^"]+\.svg)" alt="Diagram: [^"]+">/g)].map(
    ([, file]) => file!,
  );
  assert.equal(pictures.length, written.length);
  assert.ok(pictures.length >= 6);
  for (const file of pictures) {
    const svg = readFileSync(join(site, file), 'utf8');
    assert.match(svg, /^<svg /);
    assert.doesNotMatch(svg, /@import|https?:\/\/(?!www\.w3\.org\/)/);
  }
});

test('the playground works in the page that tells of it', { skip: skipWithout('chromium') }, async () => {
  const server = createServer(({ url = '/' }, response) => {
    const path = join(site, new URL(url, 'http://site').pathname);
    if (!existsSync(path)) return response.writeHead(404).end();
    const type = { '.html': 'text/html', '.css': 'text/css', '.webp': 'image/webp', '.svg': 'image/svg+xml' }[
      extname(path)
    ];
    response.writeHead(200, { 'content-type': type ?? 'text/plain' }).end(readFileSync(path));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const browser = await Browser.start(findPeer('chromium')!);
  try {
    const { port } = server.address() as AddressInfo;
    const open = (page: string, width: number, scheme: 'light' | 'dark') =>
      browser.open(`http://127.0.0.1:${port}/${page}`, { width, height: 1000, scheme });
    await open('workbench.html#the-playground', 1280, 'light');
    const inside = (label: string) =>
      `document.querySelector('iframe').contentDocument?.querySelector('[aria-label="${label}"]')?.textContent`;
    await browser.see(`/10 % of them go to v2 instead of v1/.test(${inside('which requests move')})`);
    assert.match(await browser.value(inside('why, by the rules')), /→ to dubbo-go-server\S* subset v2/);
    const pictures = process.env['PICTURES'];
    if (pictures) await browser.picture(join(pictures, 'docs.webp'));
    await open('index.html', 390, 'dark');
    await browser.see(`document.querySelector('h1').textContent === 'Pointsman'`);
    await browser.see(`document.querySelector('.diagram img').naturalWidth > 390`);
    assert.equal(await browser.value('document.documentElement.scrollWidth'), 390);
    if (pictures) await browser.picture(join(pictures, 'docs-phone.webp'));
    assert.deepEqual(browser.complaints, []);
  } finally {
    await browser.stop();
    server.close();
  }
});
