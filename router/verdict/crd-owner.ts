/**
 * The lists of metadata as an API server checks them: owners, finalizers, managed fields. Imports the place.
 * Source: k8s.io/apimachinery pkg/api/validation/objectmeta.go, pkg/apis/meta/v1/validation/validation.go
 */
import { isFields } from '../parse/resource.ts';
import { typeName } from '../schema/proto-json.ts';
import { quote, type Spot } from '../validate/spot.ts';
import { isQualifiedName } from './crd-name.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Type of each field of a list's items. */
const OWNER_FIELDS: Readonly<Record<string, 'text' | 'bool'>> = {
  apiVersion: 'text',
  kind: 'text',
  name: 'text',
  uid: 'text',
  controller: 'bool',
  blockOwnerDeletion: 'bool',
};
const MANAGED_FIELDS: Readonly<Record<string, 'text' | 'any'>> = {
  manager: 'text',
  operation: 'text',
  apiVersion: 'text',
  time: 'text',
  fieldsType: 'text',
  fieldsV1: 'any',
  subresource: 'text',
};
/** A version, or a group and a version. */
const API_VERSION = /^(?:[^/]*\/)?[^/]+$/;

/** Reports what an API server refuses in `metadata.ownerReferences`; null stands for an item without fields. */
export function checkOwners(value: readonly unknown[], here: Spot): void {
  /** Those that are the same are one to the server. */
  const controllers = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const place = here.at(index);
    const owner = entry ?? {};
    if (!checkItem(owner, OWNER_FIELDS, place)) continue;
    for (const field of ['apiVersion', 'kind', 'name', 'uid'])
      if (!owner[field]) refuse(place, `Expected ${field} in ${place}, got nothing`);
    const { apiVersion, kind, name, uid, controller, blockOwnerDeletion = null } = owner;
    if (typeof apiVersion === 'string' && apiVersion !== '' && !API_VERSION.test(apiVersion))
      refuse(place.at('apiVersion'), `Cannot use ${quote(apiVersion)} as apiVersion: write one like apps/v1`);
    if (kind === 'Event' && (apiVersion === 'v1' || apiVersion === '/v1'))
      refuse(place, `Cannot have an Event as an owner in ${place}`);
    if (controller === true)
      controllers.add(JSON.stringify([apiVersion, kind, name, uid, blockOwnerDeletion]));
  }
  if (controllers.size > 1) refuse(here, `Cannot have ${controllers.size} controllers in ${here}: keep one`);
}

/** Reports what an API server refuses in `metadata.finalizers`. */
export function checkFinalizers(value: readonly unknown[], here: Spot): void {
  for (const [index, entry] of value.entries()) {
    const place = here.at(index);
    if (entry !== null && typeof entry !== 'string')
      refuse(place, `Expected text in ${place}, got ${typeName(entry)}`);
    else if (!isQualifiedName(entry ?? ''))
      refuse(place, `Cannot use ${quote(entry ?? '')} as a finalizer: write one like example.com/name`);
  }
  if (value.includes('orphan') && value.includes('foregroundDeletion'))
    refuse(here, `Cannot have orphan and foregroundDeletion together in ${here}: keep one`);
}

/** Reports what an API server refuses in `metadata.managedFields`. */
export function checkManagedFields(value: readonly unknown[], here: Spot): void {
  for (const [index, entry] of value.entries()) checkItem(entry ?? {}, MANAGED_FIELDS, here.at(index));
}

function checkItem(
  item: unknown,
  types: Readonly<Record<string, 'text' | 'bool' | 'any'>>,
  place: Spot,
): item is Fields {
  if (!isFields(item)) {
    refuse(place, `Expected a map in ${place}, got ${typeName(item)}`);
    return false;
  }
  for (const [key, value] of Object.entries(item)) {
    const type = Object.hasOwn(types, key) ? types[key] : undefined;
    const at = place.at(key);
    if (type === undefined) at.error('cluster-refuses', `Unknown field ${quote(key)}`, 'key');
    else if (value === null) continue;
    else if (type === 'text' && typeof value !== 'string')
      refuse(at, `Expected text in ${at}, got ${typeName(value)}`);
    else if (type === 'bool' && typeof value !== 'boolean')
      refuse(at, `Expected true or false in ${at}, got ${typeName(value)}`);
  }
  return true;
}

function refuse(place: Spot, message: string): void {
  place.error('cluster-refuses', message);
}
