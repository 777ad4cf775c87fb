/**
 * Makes `dist/docs`: README.md and docs/*.md as pages to read in a browser, with the playground in the one that tells of
 * it, and diagrams drawn. Static files that name nothing outside of themselves, so that any server will do.
 *
 *     npm run docs [-- FOLDER]
 *
 * Links to files of the repository lead to where REPOSITORY says (`https://github.com/OWNER/NAME/blob/main`); without it
 * they are text.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, normalize, resolve } from 'node:path';
import { diagramSvg } from './diagram.ts';

/** What Bun, which runs this, brings for Markdown. */
declare const Bun: {
  readonly markdown: {
    html(text: string, options: { readonly headings: { readonly ids: true } }): string;
  };
};

const root = resolve(import.meta.dirname, '../..');
const target = resolve(process.argv[2] ?? join(root, 'dist/docs'));
const repository = process.env['REPOSITORY']?.replace(/\/$/, '');

/** Pages in the order of the menu; those that it does not name come last. */
const ORDER = ['README', 'tutorial', 'workbench', 'console', 'annotations', 'sources', 'client', 'lint'];

interface Page {
  /** Path in the repository: `docs/lint.md`. */
  readonly source: string;
  /** `lint.html`. */
  readonly file: string;
  readonly title: string;
  readonly html: string;
  /** SVG by file. */
  readonly diagrams: ReadonlyMap<string, string>;
}

const sources = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const pages = sources.map(readPage).sort((a, b) => rank(a) - rank(b));

mkdirSync(target, { recursive: true });
for (const page of pages) {
  writeFileSync(join(target, page.file), render(page));
  for (const [file, svg] of page.diagrams) writeFileSync(join(target, file), svg);
}
cpSync(join(import.meta.dirname, 'style.css'), join(target, 'style.css'));
for (const name of readdirSync(join(root, 'docs'))) {
  const folder = join(root, 'docs', name);
  if (statSync(folder).isDirectory()) cpSync(folder, join(target, name), { recursive: true });
}
execFileSync(process.execPath, [
  join(root, 'deploy/playground/generate.ts'),
  join(target, 'playground.html'),
]);
console.log(`${target}: ${pages.length} pages and the playground`);

function rank({ source }: Page): number {
  const place = ORDER.indexOf(basename(source, '.md'));
  return place === -1 ? ORDER.length : place;
}

function pageOf(source: string): string {
  return source === 'README.md' ? 'index.html' : `${basename(source, '.md')}.html`;
}

function readPage(source: string): Page {
  const diagrams = new Map<string, string>();
  const text = readFileSync(join(root, source), 'utf8').replaceAll(
    /^```mermaid\n(.*?)^```$/gms,
    (_, mermaid: string, place: number, all: string) => {
      const heading = /^#+ (.*)$(?![\s\S]*^#+ )/m.exec(all.slice(0, place))?.[1] ?? source;
      const file = `${basename(source, '.md').toLowerCase()}-${diagrams.size + 1}.svg`;
      diagrams.set(file, diagramSvg(mermaid));
      return `<div class="diagram" tabindex="0"><img src="${file}" alt="Diagram: ${heading}"></div>`;
    },
  );
  const html = Bun.markdown.html(text, { headings: { ids: true } });
  const title = /<h1[^>]*>(.*?)<\/h1>/s.exec(html)?.[1]?.replaceAll(/<[^>]*>/g, '') ?? source;
  return { source, file: pageOf(source), title, html: placed(html, source), diagrams };
}

/** With links and pictures where they are on the site, and the playground itself in place of its picture. */
function placed(html: string, source: string): string {
  const path = (link: string): string => normalize(join(dirname(source), link));
  return html
    .replaceAll(/<img src="([^":]+)" alt="([^"]*)" \/>/g, (_, link: string, alt: string) => {
      const file = path(link).replace(/^docs\//, '');
      if (file === 'workbench/playground.webp')
        return `<iframe src="playground.html" title="${alt}"></iframe>`;
      return `<img src="${file}" alt="${alt}">`;
    })
    .replaceAll(/<a href="([^":#]+)(#[^"]*)?">(.*?)<\/a>/gs, (_, link: string, hash = '', text: string) => {
      const file = path(link);
      if (sources.includes(file)) return `<a href="${pageOf(file)}${hash}">${text}</a>`;
      if (repository === undefined) return text;
      return `<a href="${repository}/${file}${hash}">${text}</a>`;
    })
    .replaceAll('<table>', '<div class="table" tabindex="0"><table>')
    .replaceAll('</table>', '</table></div>');
}

function render({ file, title, html }: Page): string {
  const menu = pages.map((each) => {
    const current = each.file === file ? ' aria-current="page"' : '';
    return `<li><a href="${each.file}"${current}>${each.title}</a></li>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}${file === 'index.html' ? '' : ' · Pointsman'}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
</head>
<body>
<nav aria-label="pages"><ul>
${menu.join('\n')}
<li><a href="playground.html">Playground</a></li>
</ul></nav>
<main>
${html}</main>
</body>
</html>
`;
}
