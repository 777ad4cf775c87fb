/** Pictures of the diagrams that the docs have as Mermaid. */
import { renderMermaidSVG } from 'beautiful-mermaid';

/** Colours of `style.css`, which a picture of its own cannot see. */
const STYLE = `svg { --bg: #fff; --fg: #1b1f24; --muted: #59636e; --line: #59636e; --border: #8a949e; --surface: #f5f7f9; }
@media (prefers-color-scheme: dark) {
  svg { --bg: #16181c; --fg: #e3e6ea; --muted: #9aa4af; --line: #9aa4af; --border: #6b757f; --surface: #1f2328; }
}`;

/** The picture as SVG that names nothing outside of itself, for light and dark. Throws for what is no Mermaid that can be drawn. */
export function diagramSvg(mermaid: string): string {
  const svg = renderMermaidSVG(mermaid, { font: 'system-ui', transparent: true })
    .replace(/@import url\([^)]*\);/, '')
    // It would come before the style's colours.
    .replace(/^(<svg [^>]*?) style="[^"]*"/, '$1')
    .replace('<style>', `<style>\n${STYLE}`);
  if (/https?:\/\/(?!www\.w3\.org\/)/.test(svg))
    throw new Error('Cannot draw a diagram that names other addresses');
  return svg;
}
