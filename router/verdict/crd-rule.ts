/**
 * The CEL rules of Istio's resource definitions, each as a function: there are few, and a test says when a
 * new one appears. Imports the duration grammar.
 * Source: istio.io/istio manifests/charts/base/files/crd-all.gen.yaml, x-kubernetes-validations
 */
import { isFields } from '../parse/resource.ts';
import { parseDuration } from '../schema/duration.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Whether a value passes a rule; the value has the type that its schema demands. */
type Rule = (self: never) => boolean;

const has = (self: Fields, field: string): boolean => Object.hasOwn(self, field);
const list = (self: Fields, field: string): readonly unknown[] =>
  Array.isArray(self[field]) ? self[field] : [];
const text = (self: Fields, field: string, otherwise: string): string =>
  typeof self[field] === 'string' ? self[field] : otherwise;
const atMostOne =
  (...fields: readonly string[]) =>
  (self: Fields): boolean =>
    fields.filter((field) => has(self, field)).length <= 1;
const PORT_NAME = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;

const RULES: Readonly<Record<string, Rule>> = {
  "duration(self) >= duration('1ms')": (self: string) => (parseDuration(self) ?? 0n) >= 1_000_000n,
  'self.all(key, !key.contains("*"))': (self: Fields) => Object.keys(self).every((key) => !key.includes('*')),
  'self.all(key, key.size() != 0)': (self: Fields) => Object.keys(self).every((key) => key !== ''),
  '!self.contains("*")': (self: string) => !self.includes('*'),
  'self != "*"': (self: string) => self !== '*',
  '0 < self && self <= 65535': (self: number) => self > 0 && self <= 65535,
  '(has(self.tlsCertificates) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1': atMostOne(
    'tlsCertificates',
    'credentialNames',
  ),
  '(has(self.credentialName) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1': atMostOne(
    'credentialName',
    'credentialNames',
  ),
  '(has(self.credentialNames) ? 1 : 0) + (has(self.tlsCertificates) ? 1 : 0) <= 1': atMostOne(
    'credentialNames',
    'tlsCertificates',
  ),
  '(has(self.workloadSelector) ? 1 : 0) + (has(self.endpoints) ? 1 : 0) <= 1': atMostOne(
    'workloadSelector',
    'endpoints',
  ),
  '!((has(self.addresses) ? self.addresses : []).exists(k, k.contains("/")) && !((has(self.resolution) ? self.resolution : "NONE") in ["STATIC", "NONE"]))':
    (self: Fields) =>
      !list(self, 'addresses').some((address) => String(address).includes('/')) ||
      ['STATIC', 'NONE'].includes(text(self, 'resolution', 'NONE')),
  '((has(self.resolution) ? self.resolution : "NONE") == "NONE") ? !has(self.endpoints) : true': (
    self: Fields,
  ) => text(self, 'resolution', 'NONE') !== 'NONE' || !has(self, 'endpoints'),
  '((has(self.resolution) ? self.resolution : "") == "DNS_ROUND_ROBIN") ? ((has(self.endpoints) ? self.endpoints : []).size() <= 1) : true':
    (self: Fields) =>
      text(self, 'resolution', '') !== 'DNS_ROUND_ROBIN' || list(self, 'endpoints').length <= 1,
  'has(self.address) || has(self.network)': (self: Fields) => has(self, 'address') || has(self, 'network'),
  '(has(self.address) ? self.address : "").startsWith("unix://") ? !has(self.ports) : true': (self: Fields) =>
    !text(self, 'address', '').startsWith('unix://') || !has(self, 'ports'),
  // Beyond the end of the text the rule itself fails, which refuses too.
  'self.startsWith("unix://") ? (self.substring(7, 8) == "/" || self.substring(7, 8) == "@") : true': (
    self: string,
  ) => !self.startsWith('unix://') || self[7] === '/' || self[7] === '@',
  'self.startsWith("unix://") ? !self.endsWith("/") : true': (self: string) =>
    !self.startsWith('unix://') || !self.endsWith('/'),
  'self.all(key, size(key) < 63 && key.matches("^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$"))': (
    self: Fields,
  ) => Object.keys(self).every((key) => key.length < 63 && PORT_NAME.test(key)),
  'self.all(l1, self.exists_one(l2, l1.number == l2.number))': (self: readonly unknown[]) => {
    const numbers = self.map((port) => (isFields(port) ? port['number'] : undefined));
    return new Set(numbers).size === numbers.length;
  },
};

/** True for a rule that has its function here. */
export function isKnownRule(rule: string): boolean {
  return Object.hasOwn(RULES, rule);
}

/** Whether a value breaks a rule; one without a function is taken as kept. */
export function breaksRule(rule: string, value: unknown): boolean {
  return isKnownRule(rule) && !RULES[rule]!(value as never);
}
