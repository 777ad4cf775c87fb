/**
 * Finds the real programs that tests call: grpcurl, envoy and others. A test that needs one which is not there
 * is skipped with a reason that says how to get it. Imports node only.
 */
import { accessSync, constants, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * Returns the path of a peer's program, or undefined when it is not installed. Looks at the variable of its
 * name (`GRPCURL`), then on the PATH, then where test/peer/install.sh puts it:
 * `$PEERS_HOME/NAME/VERSION/bin/NAME`, by default below `~/.cache/peers`, the highest version first.
 * Throws when the variable names something that cannot be run.
 */
export function findPeer(name: string): string | undefined {
  const variable = name.toUpperCase().replaceAll('-', '_');
  const named = process.env[variable];
  if (named !== undefined && named !== '') {
    if (!isProgram(named)) throw new Error(`${variable}='${named}' is not a program that can be run`);
    return named;
  }
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && isProgram(join(folder, name))) return join(folder, name);
  }
  const home =
    process.env['PEERS_HOME'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'peers');
  const versions = listFolder(join(home, name)).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return versions.map((version) => join(home, name, version, 'bin', name)).find(isProgram);
}

/** Returns false when the peer is there, else the reason to skip: for `test(…, { skip: skipWithout('grpcurl') }, …)`. */
export function skipWithout(name: string): string | false {
  return findPeer(name) === undefined
    ? `${name} is not installed; test/peer/install.sh ${name} gets it`
    : false;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
