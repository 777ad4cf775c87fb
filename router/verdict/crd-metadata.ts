/**
 * Metadata as an API server checks it: stricter than Istio, and the same for every kind. Imports the place.
 * Source: k8s.io/apimachinery pkg/api/validation/objectmeta.go, pkg/util/validation/validation.go
 */
import { isFields } from '../parse/resource.ts';
import { typeName } from '../schema/proto-json.ts';
import { quote, type Spot } from '../validate/spot.ts';
import { isLabelValue, isQualifiedName, isSubdomain, withoutDash } from './crd-name.ts';
import { checkFinalizers, checkManagedFields, checkOwners } from './crd-owner.ts';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const ANNOTATION_BYTES = 256 * 1024;

const TEXT_FIELDS = ['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion'];
const TIME_FIELDS = ['creationTimestamp', 'deletionTimestamp'];
const NUMBER_FIELDS = ['generation', 'deletionGracePeriodSeconds'];
const LIST_CHECKS: Readonly<Record<string, (value: readonly unknown[], here: Spot) => void>> = {
  ownerReferences: checkOwners,
  finalizers: checkFinalizers,
  managedFields: checkManagedFields,
};
const LIST_FIELDS = Object.keys(LIST_CHECKS);
const MAP_FIELDS = ['labels', 'annotations'];

/** Reports what an API server refuses in metadata. */
export function checkMetadata(value: unknown, here: Spot): void {
  const refuse = (place: Spot, message: string): void => place.error('cluster-refuses', message);
  if (value !== undefined && value !== null && !isFields(value)) {
    refuse(here, `Expected a map in ${here}, got ${typeName(value)}`);
    return;
  }
  const metadata = value ?? {};
  for (const [key, entry] of Object.entries(metadata)) checkField(key, entry, here.at(key));
  const { name, namespace, generateName } = metadata;
  if (!name && !generateName) refuse(here, `Expected a name in ${here}, got nothing`);
  if (typeof name === 'string' && name !== '' && !isSubdomain(name)) {
    refuse(
      here.at('name'),
      `Cannot use ${quote(name)} as name: write lower-case letters, digits, "-" and ".", at most 253`,
    );
  }
  if (typeof generateName === 'string' && generateName !== '' && !isSubdomain(withoutDash(generateName))) {
    refuse(
      here.at('generateName'),
      `Cannot use ${quote(generateName)} as generateName: write lower-case letters, digits, "-" and ".", at most 253`,
    );
  }
  if (
    typeof namespace === 'string' &&
    namespace !== '' &&
    !(namespace.length <= 63 && DNS_LABEL.test(namespace))
  ) {
    refuse(
      here.at('namespace'),
      `Cannot use ${quote(namespace)} as namespace: write lower-case letters, digits and "-", at most 63`,
    );
  }
}

function checkField(key: string, value: unknown, here: Spot): void {
  const wrong = (want: string): void =>
    here.error('cluster-refuses', `Expected ${want} in ${here}, got ${typeName(value)}`);
  if (![...TEXT_FIELDS, ...TIME_FIELDS, ...NUMBER_FIELDS, ...LIST_FIELDS, ...MAP_FIELDS].includes(key)) {
    here.error('cluster-refuses', `Unknown field ${quote(key)}`, 'key');
  } else if (value === null) return;
  else if (TEXT_FIELDS.includes(key)) {
    if (typeof value !== 'string') wrong('text');
  } else if (TIME_FIELDS.includes(key)) {
    const time =
      typeof value === 'string' &&
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
      !Number.isNaN(Date.parse(value));
    if (!time) wrong('a time such as 2026-01-01T00:00:00Z');
  } else if (NUMBER_FIELDS.includes(key)) {
    if (!Number.isInteger(value) || Math.abs(value as number) >= 2 ** 63) wrong('a whole number of 64 bits');
  } else if (LIST_FIELDS.includes(key)) {
    if (!Array.isArray(value)) wrong('a list');
    else LIST_CHECKS[key]!(value, here);
  } else if (!isFields(value)) wrong('a map');
  else checkMap(key, value, here);
}

function checkMap(field: string, value: Readonly<Record<string, unknown>>, here: Spot): void {
  let size = 0;
  for (const [key, entry] of Object.entries(value)) {
    const place = here.at(key);
    if (entry !== null && typeof entry !== 'string') {
      place.error('cluster-refuses', `Expected text in ${place}, got ${typeName(entry)}`);
      continue;
    }
    const text = entry ?? '';
    size += key.length + text.length;
    if (!isQualifiedName(field === 'annotations' ? key.toLowerCase() : key)) {
      place.error(
        'cluster-refuses',
        `Cannot use ${quote(key)} as a key in ${here}: write letters, digits, "-", "_" and ".", at most 63, after an optional domain and "/"`,
        'key',
      );
    }
    if (field === 'labels' && !isLabelValue(text)) {
      place.error(
        'cluster-refuses',
        `Cannot use ${quote(text)} as the value of a label: write letters, digits, "-", "_" and ".", at most 63`,
      );
    }
  }
  if (field === 'annotations' && size > ANNOTATION_BYTES)
    here.error('cluster-refuses', `The annotations are larger than ${ANNOTATION_BYTES} bytes`);
}
