/** How the reader of a message runs this program: from a clone, from the npm package, or as one file. */

/** The words before a command: `npm run -s pointsman --` in a clone, `npx pointsman` where the package is installed. */
export const invocation = import.meta.filename.endsWith('.ts') ? 'npm run -s pointsman --' : 'npx pointsman';
