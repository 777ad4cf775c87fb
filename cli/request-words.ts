/** The request after `--`, as curl takes it: `[-g] [--http2-prior-knowledge] [-X METHOD] [-H 'name: value'] URL`. */
import type { RouteRequest } from '../router/index.ts';
import { METHOD, parseHeaderLine, toRouteRequest } from '../workbench/written-request.ts';
import { defineCommand, repeated } from './command.ts';
import { usageFailure } from './failure.ts';

/** What a command line of paths and a request consists of. */
export interface PathsAndRequest {
  readonly paths: readonly string[];
  readonly request: RouteRequest;
}

/**
 * Splits what commander hands over in one list at the `--` of the command line. `verb` is what cannot be done
 * without both parts; `port` the listener's service port, default the URL's.
 */
export function pathsAndRequest(
  verb: string,
  words: readonly string[],
  port: number | undefined,
): PathsAndRequest {
  const after = process.argv.slice(2);
  const requestWords = after.includes('--') ? after.slice(after.indexOf('--') + 1) : words.slice(-1);
  const paths = words.slice(0, words.length - requestWords.length);
  if (paths.length === 0 || requestWords.length === 0)
    throw usageFailure(`Cannot ${verb} without both rules and a URL: write pointsman ${verb} PATH... -- URL`);
  return { paths, request: requestOfWords(verb, requestWords, port) };
}

/** The request that the words after `--` write. */
export function requestOfWords(
  verb: string,
  requestWords: readonly string[],
  port: number | undefined,
): RouteRequest {
  const command = defineCommand('request', '', [])
    .argument('<url>')
    .option('-X, --request <method>', '', 'GET')
    .option('-H, --header <line>', '', repeated)
    // Brackets and braces in a URL are never anything else here.
    .option('-g, --globoff')
    .option('--http2-prior-knowledge')
    .helpOption(false)
    .exitOverride()
    .parse(requestWords, { from: 'user' });
  const {
    request: method,
    header = [],
    http2PriorKnowledge: http2,
  } = command.opts<{ request: string; header?: readonly string[]; http2PriorKnowledge?: true }>();
  const headers = header.flatMap((line) => {
    // As curl has it: not sent, where it would be by itself.
    if (/^[^:;\s]+:\s*$/.test(line)) return [];
    const parsed = parseHeaderLine(line);
    // What was given may be a secret, so it is not repeated.
    if (parsed === undefined) throw usageFailure("Cannot read a header: write it like -H 'user: admin'");
    return [parsed];
  });
  if (!METHOD.test(method))
    throw usageFailure(`Cannot ${verb} a request with the method "${method}": write it like -X POST`);
  const url: string = command.processedArgs[0];
  const request = toRouteRequest({ url, method, headers, ...(http2 && { http2 }) }, port);
  if (request === undefined)
    throw usageFailure(`Cannot ${verb} "${url}": write a URL like http://HOST:PORT/PATH`);
  return request;
}
