/**
 * What requests there can be at all, so that conditions are compared on those that can arrive and on no others:
 * a path is a normalised one, a query has no `&`, a header's value no line end. Imports automata and options.
 */
import type { PathNormalization } from '../table/route-table.ts';
import type { Dimension } from './requirement.ts';

/** The world in which rules are compared. */
export interface World {
  readonly normalization: PathNormalization;
  /** Fully qualified hosts of the VirtualService, wildcards too. */
  readonly hosts: readonly string[];
  /** `mesh` or `NAMESPACE/NAME`: those through which its rules are reached. */
  readonly gateways: readonly string[];
}

/** The texts that a dimension can have, as an RE2 pattern; never narrower than what can arrive. */
export function universeOf(dimension: Dimension, world: World, hasQuery: boolean): string {
  const [kind = '', ...rest] = dimension.id.split(' ');
  const name = rest.join(' ');
  switch (kind) {
    case 'path':
      return pathPattern(world.normalization, hasQuery);
    case 'method':
      return '[!-~]+';
    case 'scheme':
      return '[!-@\\[-~]+';
    case 'authority':
      return authorityPattern(world.hosts);
    case 'query':
      return queryPattern(name, world.normalization);
    default:
      return '[^\\x00\\r\\n]*';
  }
}

/** Texts to take as samples where they belong, the best first. */
export function preferredTexts(dimension: Dimension, world: World): readonly string[] {
  switch (dimension.id) {
    case 'path':
      return ['/', '*'];
    case 'method':
      return ['GET', 'POST'];
    case 'scheme':
      return ['http', 'https'];
    case 'authority':
      return hostSamples(world).flatMap((host) => [
        host,
        `${host}:80`,
        host.replace(/^./, (letter) => letter.toUpperCase()),
        host.toUpperCase(),
        host.split('.')[0]!,
      ]);
    default:
      return [];
  }
}

/** A host for each of the VirtualService's: of a wildcard, one that it covers. */
export function hostSamples({ hosts }: World): string[] {
  return hosts.map((host) => (host === '*' ? 'any.example' : host.replace(/^\*/, 'any')));
}

const NO_TEXT = '[^\\x00-\\x{10FFFF}]';

/**
 * Paths as normalising leaves them. Source: Envoy `source/common/http/path_utility.cc`; RFC 9112 section 3.2.4
 * for the `*` of OPTIONS, which has no query.
 */
function pathPattern(normalization: PathNormalization, hasQuery: boolean): string {
  if (normalization === 'NONE') return '[^?#\\x00\\r\\n]*';
  const dotless = "!$-\\-0-;=@-Z\\[\\]_a-z~%&'()*+,";
  const any = `[.${dotless}]`;
  // All but the segments `.` and `..`.
  const segment = `(?:[${dotless}]${any}*|\\.[${dotless}]${any}*|\\.\\.${any}+)`;
  const path =
    normalization === 'BASE' ? `/${segment}?(?:/${segment}?)*` : `/(?:${segment}(?:/${segment})*/?)?`;
  return hasQuery ? `(?:${path})?` : `(?:${path}|\\*)?`;
}

/** The query is cut off the path at `?`, and into pairs at `&`; names and values are not decoded. */
function queryPattern(name: string, normalization: PathNormalization): string {
  if (/[&#=]/.test(name)) return NO_TEXT;
  if (normalization === 'NONE') return '[^&#\\x00\\r\\n]*';
  return /^[!-~]*$/.test(name) ? '[!-"$-%\'-~]*' : NO_TEXT;
}

const CLUSTER_DOMAIN = ['svc', 'cluster', 'local'];

/**
 * Authorities that can lead to the hosts: in any letter case, with or without a port, and of a service also by
 * its shorter names, its address, and the names of its pods.
 *
 * Source: Istio `pilot/pkg/networking/core/httproute.go` (generateVirtualHostDomains).
 */
function authorityPattern(hosts: readonly string[]): string {
  if (hosts.some((host) => host.includes('*'))) return '[^\\x00\\r\\n]*';
  const names = hosts.map((host) => {
    const labels = host.split('.');
    const isService = labels.length > 4 && labels.slice(-3).join('.') === CLUSTER_DOMAIN.join('.');
    if (!isService) return quote(host);
    const [service = '', namespace = '', ...domain] = labels;
    const tail = [namespace, ...domain].reduceRight((after, label) => `(?:\\.${quote(label)}${after})?`, '');
    return `${quote(service)}${tail}`;
  });
  return `(?i:(?:.*\\.)?(?:${names.join('|')})\\.?|[0-9a-f.:\\[\\]%]+)(?::[^\\]\\x00\\r\\n]*)?`;
}

/**
 * True when a request with this authority gets to the hosts, as the one who sends it knows them: only clients of
 * a service's own namespace use its bare name, and a gateway knows no names but those of the rules.
 */
export function canArrive(
  { authority, gateway, namespace }: { authority: string; gateway: string; namespace: string | undefined },
  { hosts }: World,
): boolean {
  const colon = authority.lastIndexOf(':');
  const bare = (colon === -1 ? authority : authority.slice(0, colon)).toLowerCase();
  return hosts.some((host) => {
    if (host === bare || host === '*') return true;
    if (host.startsWith('*')) return bare.length >= host.length && bare.endsWith(host.slice(1));
    const [service, own] = host.split('.');
    const isService = host.endsWith(`.${CLUSTER_DOMAIN.join('.')}`);
    if (!isService || gateway !== 'mesh') return false;
    if (bare === service) return namespace === own;
    return bare === `${service}.${own}` || bare === `${service}.${own}.svc`;
  });
}

/** The namespace of the first host that is a service; undefined without one. */
export function namespaceOf({ hosts }: World): string | undefined {
  return hosts.find((host) => host.endsWith(`.${CLUSTER_DOMAIN.join('.')}`))?.split('.')[1];
}

function quote(text: string): string {
  return [...text]
    .map((char) => (/^\w$/.test(char) ? char : `\\x{${char.codePointAt(0)!.toString(16)}}`))
    .join('');
}
