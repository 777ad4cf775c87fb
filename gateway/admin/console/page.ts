/**
 * The console's one page: its places, which the script fills. By Hono's `html` rather than JSX, as Node strips types but
 * does not compile JSX, and everything here runs without a build.
 */
import { html } from 'hono/html';

/** The views in the order of their keys 1 to 6. */
const VIEWS = [
  ['traffic', 'Traffic'],
  ['rules', 'Rules'],
  ['request', 'Request'],
  ['edit', 'Edit'],
  ['endpoints', 'Endpoints'],
  ['history', 'History'],
] as const;

/** What the admin port has for programs, with what it is. */
const PATHS = [
  ['/config', 'what is loaded, what was refused and why'],
  ['/resources', 'the resources in effect'],
  ['/clusters', 'services, subsets and their endpoints'],
  ['/mirrors', 'where the answers of copies differ'],
  ['/metrics', 'counts and durations for Prometheus'],
  ['/healthz', 'whether the process lives'],
  ['/readyz', 'whether it takes traffic'],
] as const;

/** The whole document. */
export function page() {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Pointsman</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/console/style.css">
<script type="module" src="/console/script.js"></script>
</head>
<body>
<header>
<h1>Pointsman</h1>
<nav aria-label="Views">${VIEWS.map(
    ([id, title], index) => html`<a href="#${id}" aria-keyshortcuts="${index + 1}">${title}</a>`,
  )}</nav>
<p id="state" role="status">connecting…</p>
</header>
<noscript><p class="notice">The console needs JavaScript. The paths below work without.</p></noscript>
<dialog id="login" aria-labelledby="login-title"><form method="dialog">
<h2 id="login-title">Admin token</h2>
<p>This admin port wants the token that the gateway was started with in <code>POINTSMAN_ADMIN_TOKEN</code>.</p>
<label>Token <input id="token" type="password" autocomplete="current-password" required></label>
<button>Use it</button>
</form></dialog>
<main>${VIEWS.map(([id, title]) => html`<section id="${id}" aria-label="${title}" hidden></section>`)}</main>
<footer>For programs: ${PATHS.map(
    ([path, what]) => html`<a href="${path}" title="${what}">${path}</a> `,
  )}</footer>
</body>
</html>
`;
}
