/** How the reader of a message runs this program: from a clone, from the npm package, or as one compiled file. */
import { basename } from 'node:path';

/** The words before a command: `npm run -s pointsman --` in a clone, `npx pointsman` where the package is installed. */
export const invocation = import.meta.dirname.startsWith('/$bunfs')
  ? basename(process.execPath)
  : import.meta.filename.endsWith('.ts')
    ? 'npm run -s pointsman --'
    : 'npx pointsman';
