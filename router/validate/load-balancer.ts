/**
 * Istio's rules for load balancer settings: consistent hashing, localities, warm-up. Imports the schema's
 * types and the rules for durations.
 * Source: istio/istio pkg/config/validation/validation.go, validateLoadBalancer; agent.ValidateLocalityLbSetting
 */
import type { ConsistentHash, LoadBalancerSettings } from '../schema/destination-rule.ts';
import { checkDuration } from './quantity.ts';
import { quote, type Spot } from './spot.ts';

const TOPOLOGY_LABELS = new Set([
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
]);
const MAGLEV_LIMIT = 5_000_011;

/** Reports what Istio refuses or warns of in load balancer settings. */
export function checkLoadBalancer(
  settings: LoadBalancerSettings | undefined,
  hasOutlierDetection: boolean,
  here: Spot,
): void {
  if (settings === undefined) return;
  checkConsistentHash(settings.consistentHash, here.at('consistentHash'));
  if (settings.localityLbSetting !== undefined && settings.zoneAwareLbSetting !== undefined) {
    here
      .at('zoneAwareLbSetting')
      .error(
        'exclusive-fields',
        `Cannot have zoneAwareLbSetting beside localityLbSetting in ${here}: keep one of them`,
        'key',
      );
  }
  checkLocality(settings.localityLbSetting, hasOutlierDetection, here.at('localityLbSetting'));
  checkZoneAware(settings.zoneAwareLbSetting, hasOutlierDetection, here.at('zoneAwareLbSetting'));
  const { warmup } = settings;
  if (warmup === undefined) return;
  const place = here.at('warmup');
  if (warmup.duration === undefined) place.error('missing-field', `Expected duration in ${place}, got none`);
  checkDuration(warmup.duration, place.at('duration'));
  if ((warmup.minimumPercent ?? 0) > 100)
    place
      .at('minimumPercent')
      .error(
        'percentage',
        `Cannot use ${warmup.minimumPercent} in ${place.at('minimumPercent')}: the range is 0 to 100`,
      );
  if (warmup.aggression !== undefined && warmup.aggression <= 0)
    place
      .at('aggression')
      .error(
        'load-balancer',
        `Cannot use ${warmup.aggression} in ${place.at('aggression')}: it must be above 0`,
      );
}

function checkConsistentHash(hash: ConsistentHash | undefined, here: Spot): void {
  if (hash === undefined) return;
  const cookie = hash.httpCookie;
  if (cookie !== undefined && !cookie.name)
    here.at('httpCookie').error('missing-field', `Expected a name in ${here.at('httpCookie')}, got nothing`);
  const names = new Set<string>();
  for (const [index, attribute] of (cookie?.attributes ?? []).entries()) {
    const place = here.at('httpCookie', 'attributes', index);
    if (!attribute.name) place.error('missing-field', `Expected a name in ${place}, got nothing`);
    else if (names.has(attribute.name))
      place.error(
        'load-balancer',
        `Cannot have the attribute ${quote(attribute.name)} twice in ${here.at('httpCookie')}`,
      );
    names.add(attribute.name);
  }
  if (hash.minimumRingSize) {
    const place = here.at('minimumRingSize');
    place.warning(
      'deprecated',
      'The field minimumRingSize is deprecated: use ringHash.minimumRingSize',
      'key',
    );
    if (hash.ringHash !== undefined || hash.maglev !== undefined)
      place.error(
        'exclusive-fields',
        `Cannot have minimumRingSize beside ringHash or maglev in ${here}: keep one of them`,
        'key',
      );
  }
  if (hash.maglev === undefined) return;
  const size = hash.maglev.tableSize ?? 0;
  const place = here.at('maglev', 'tableSize');
  if (size >= MAGLEV_LIMIT)
    place.error('load-balancer', `Cannot use ${size} in ${place}: it must be below ${MAGLEV_LIMIT}`);
  else if (!isPrime(size))
    place.error('load-balancer', `Cannot use ${size} in ${place}: it must be a prime number such as 65537`);
}

function checkLocality(
  setting: LoadBalancerSettings['localityLbSetting'],
  hasOutlierDetection: boolean,
  here: Spot,
): void {
  if (setting === undefined) return;
  const distribute = setting.distribute ?? [];
  const failover = setting.failover ?? [];
  const priority = setting.failoverPriority ?? [];
  if (distribute.length > 0 && failover.length > 0) {
    here.error('exclusive-fields', `Cannot have distribute beside failover in ${here}: keep one of them`);
    return;
  }
  const topology = failover.length > 0 ? priority.find((label) => TOPOLOGY_LABELS.has(label)) : undefined;
  if (topology !== undefined) {
    here
      .at('failoverPriority')
      .error(
        'locality',
        `Cannot have ${quote(topology)} in ${here.at('failoverPriority')} beside failover: keep one of them`,
      );
    return;
  }
  for (const [index, { to }] of distribute.entries()) {
    const place = here.at('distribute', index, 'to');
    const entries = Object.entries(to ?? {});
    const wrong = entries.find(([, weight]) => weight < 1 || weight > 100);
    if (wrong !== undefined) {
      place
        .at(wrong[0])
        .error(
          'locality',
          `Cannot give ${quote(wrong[0])} the weight ${wrong[1]} in ${place}: the range is 1 to 100`,
        );
      return;
    }
    const sum = entries.reduce((total, [, weight]) => total + weight, 0);
    if (sum !== 100) {
      place.error('locality', `Cannot distribute in ${place}: the weights add up to ${sum}, not 100`);
      return;
    }
    checkLocalities(
      entries.map(([locality]) => locality),
      place,
    );
  }
  checkLocalities(
    distribute.map(({ from }) => from ?? ''),
    here.at('distribute'),
  );
  checkFailover(setting, hasOutlierDetection, here);
}

function checkZoneAware(
  setting: LoadBalancerSettings['zoneAwareLbSetting'],
  hasOutlierDetection: boolean,
  here: Spot,
): void {
  if (setting === undefined) return;
  for (const [index, label] of (setting.failoverPriority ?? []).entries()) {
    if (!TOPOLOGY_LABELS.has(label)) continue;
    here
      .at('failoverPriority', index)
      .error(
        'locality',
        `Cannot have ${quote(label)} in ${here.at('failoverPriority')}: regions and zones are handled already`,
      );
  }
  checkFailover(setting, hasOutlierDetection, here);
}

type FailoverSetting = Pick<
  NonNullable<LoadBalancerSettings['zoneAwareLbSetting']>,
  'failover' | 'failoverPriority'
>;

function checkFailover(setting: FailoverSetting, hasOutlierDetection: boolean, here: Spot): void {
  const used = (setting.failover?.length ?? 0) > 0 || (setting.failoverPriority?.length ?? 0) > 0;
  if (used && !hasOutlierDetection)
    here.warning('locality', `The failover in ${here} has no effect without outlierDetection: add it`);
  for (const [index, { from = '', to = '' }] of (setting.failover ?? []).entries()) {
    const place = here.at('failover', index);
    if (from === to) place.error('locality', `Cannot fail over from ${quote(from)} to itself in ${place}`);
    if (from.includes('/') || to.includes('/'))
      place.error('locality', `Cannot fail over between zones in ${place}: name regions only`);
    if (from.includes('*') || to.includes('*'))
      place.error('locality', `Cannot use a wildcard in ${place}: name the regions`);
  }
}

/** Reports localities that overlap: one that stands twice or lies inside another. Source: agent.validateLocalities */
function checkLocalities(localities: readonly string[], here: Spot): void {
  /** Localities seen, whole, and those that have one seen inside. */
  const whole = new Set<string>();
  const parents = new Set<string>();
  for (const locality of localities) {
    const stars = locality.split('*').length - 1;
    if (stars > 1 || (stars === 1 && !locality.endsWith('*'))) {
      here.error('locality', `Cannot use ${quote(locality)} in ${here}: one "*" is allowed, at the end`);
      return;
    }
    const parts = splitLocality(locality);
    if (parts.includes('')) {
      here.error(
        'locality',
        `Cannot use ${quote(locality)} in ${here}: region, zone and subzone must not be empty`,
      );
      return;
    }
    // A "*" as zone or subzone stands for the whole level above, as in Istio's comparison.
    const own = parts.join('\n');
    const above = parts.slice(0, -1).map((_, depth) => parts.slice(0, depth + 1).join('\n'));
    const covered =
      whole.has('*') ||
      whole.has(own) ||
      above.some((parent) => whole.has(parent) || whole.has(`${parent}\n*`));
    if (covered || (parts.length < 3 && parents.has(own))) {
      here.error('locality', `Cannot use ${quote(locality)} in ${here}: it overlaps with another entry`);
      return;
    }
    whole.add(own);
    for (const parent of above) parents.add(parent);
  }
}

/** At most three parts, the third with the rest. */
function splitLocality(locality: string): string[] {
  const [region = '', zone, ...rest] = locality.split('/');
  return zone === undefined ? [region] : rest.length === 0 ? [region, zone] : [region, zone, rest.join('/')];
}

function isPrime(value: number): boolean {
  if (value !== 0 && value < 4) return true;
  if (value % 2 === 0) return false;
  const limit = Math.sqrt(value);
  for (let factor = 3; factor <= limit; factor += 2) if (value % factor === 0) return false;
  return true;
}
