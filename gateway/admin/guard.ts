/**
 * Who may use the admin port. A page in somebody's browser can reach a loopback port under a name of its own
 * (DNS rebinding) or post to it across sites, so names and origins are checked before anything else happens.
 */
import type { Context, MiddlewareHandler } from 'hono';
import { timingSafeEqual } from 'hono/utils/buffer';
import { isLoopback } from '../../config/loopback.ts';

/** See the fields. */
export interface GuardOptions {
  /** Whether the port listens on loopback alone. */
  readonly loopback: boolean;
  /** Bearer token that everything but health and metrics then asks for. Absent: none asked for. */
  readonly token?: string;
}

/**
 * For probes and scrapers, which come by any name and hold no token, and for a browser, which has to load the console
 * before anybody can enter the token. They change nothing; of the rules metrics tell hosts, subsets and names of routes, and
 * readiness why there are none.
 */
const OPEN_PATHS: ReadonlySet<string> = new Set([
  '/healthz',
  '/readyz',
  '/metrics',
  '/',
  '/console/script.js',
  '/console/style.css',
]);
const READING = new Set(['GET', 'HEAD']);

/**
 * Refuses with 403 a request by a foreign Host, and one that changes state from a foreign Origin; with 401 one
 * without the token. Off loopback nothing that changes state is open without a token.
 */
export function guard(options: GuardOptions): MiddlewareHandler {
  return async (context, next) => {
    const reads = READING.has(context.req.method);
    if (reads && OPEN_PATHS.has(context.req.path) && !options.loopback) return next();

    const hasToken = await tokenFits(context, options.token);
    const foreign = hostsOf(context).find((host) => !isOwnName(host, options.loopback));
    if (foreign !== undefined && !(hasToken && !options.loopback)) {
      const instead = options.loopback ? 'localhost or 127.0.0.1' : 'an IP address, or send the token';
      return refuse(
        context,
        403,
        `Cannot answer for host "${foreign}": it is not this admin port; use ${instead}`,
      );
    }
    if (reads && OPEN_PATHS.has(context.req.path)) return next();

    const origin = context.req.header('origin');
    const site = context.req.header('sec-fetch-site');
    if (!reads && !(origin === undefined ? isOwnSite(site) : isSameOrigin(origin, hostsOf(context)))) {
      return refuse(
        context,
        403,
        `Cannot change anything for origin "${origin ?? site}": a page of another site asked; use the command line`,
      );
    }
    if (options.token !== undefined && !hasToken) {
      context.header('www-authenticate', 'Bearer realm="pointsman admin"');
      return refuse(
        context,
        401,
        'Cannot answer without the admin token: send "authorization: Bearer TOKEN"; the command line takes it from POINTSMAN_ADMIN_TOKEN',
      );
    }
    if (!reads && options.token === undefined && !options.loopback) {
      return refuse(
        context,
        403,
        'Cannot change anything here: the admin port is not on loopback and has no token; start the gateway with POINTSMAN_ADMIN_TOKEN set',
      );
    }
    return next();
  };
}

async function tokenFits(context: Context, token: string | undefined): Promise<boolean> {
  const sent = /^Bearer +(\S+) *$/i.exec(context.req.header('authorization') ?? '')?.[1];
  return token !== undefined && sent !== undefined && (await timingSafeEqual(sent, token));
}

/** Every name that the request gives the server: HTTP/1.1's Host, and that of the URL (HTTP/2's authority). */
function hostsOf(context: Context): string[] {
  const header = context.req.header('host');
  const { host } = new URL(context.req.url);
  return header === undefined ? [host] : [header, host];
}

/** An address cannot be rebound, a name can; so off loopback any address is ours, and on it loopback's names. */
function isOwnName(host: string, loopback: boolean): boolean {
  const name = hostname(host);
  if (name === undefined) return false;
  if (isLoopback(name)) return true;
  return !loopback && (/^\[[0-9a-f:.]+\]$/.test(name) || /^\d+\.\d+\.\d+\.\d+$/.test(name));
}

function hostname(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::\d*)?$/.exec(host.toLowerCase())?.[1];
}

function isOwnSite(site: string | undefined): boolean {
  return site === undefined || site === 'same-origin' || site === 'none';
}

function isSameOrigin(origin: string, hosts: readonly string[]): boolean {
  const host = /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase())?.[1];
  return host !== undefined && hosts.every((own) => own.toLowerCase() === host);
}

function refuse(context: Context, status: 401 | 403, error: string): Response {
  return context.json({ error }, status);
}
