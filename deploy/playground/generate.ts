/**
 * Makes `dist/playground.html`: one page that needs no other file and no network, with the router in it. Its policy lets
 * it run its own script, told by its hash, and nothing else.
 *
 *     npm run playground [-- FILE]
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const script = execFileSync(
  join(root, 'node_modules/.bin/bun'),
  ['build', '--minify', '--target=browser', join(import.meta.dirname, 'main.ts')],
  { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  // Within a page these would end or hide the script.
)
  .replaceAll('</script', '<\\/script')
  .replaceAll('<!--', '<\\!--');
const style = readFileSync(join(root, 'gateway/admin/console/browser/style.css'), 'utf8');
const rules = (...files: readonly string[]): string =>
  files.map((file) => readFileSync(join(root, 'deploy/istio', file), 'utf8')).join('---\n');
/** The tutorial's rules, and its next step. */
const start = {
  rules: rules('virtualservice.yaml', 'destinationrule.yaml'),
  changed: rules('scenarios/canary-90-10.yaml', 'destinationrule.yaml'),
  url: 'http://dubbo-go-server/api.Greeter/SayHello',
  headers: 'user: admin',
};
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pointsman playground</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header><h1>Pointsman playground</h1><p>VirtualServices and DestinationRules, checked and compared in this page alone. Nothing is sent anywhere.</p></header>
<main id="playground"></main>
<script type="application/json" id="start">${JSON.stringify(start).replaceAll('<', '\\u003c')}</script>
<script type="module">${script}</script>
</body>
</html>
`;
const path = resolve(process.argv[2] ?? join(root, 'dist/playground.html'));
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, page);
console.log(`${path}: ${Math.round(page.length / 1000)} kB`);
