import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProxyHeader } from '../../wire/proxy-protocol.ts';

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const IPV4 = [10, 1, 2, 3, 10, 9, 8, 7, 0x30, 0x39, 0x1f, 0x90];
const IPV6 = [
  ...[0xfd, 0, ...new Uint8Array(13), 1],
  ...[0xfd, 0, ...new Uint8Array(13), 2],
  ...[0x30, 0x39, 0, 80],
];

const header = (command: number, family: number, addresses: readonly number[]): Uint8Array =>
  Uint8Array.from([...SIGNATURE, command, family, 0, addresses.length, ...addresses]);

test('readProxyHeader() says who connected, and where to', () => {
  for (const [bytes, sourceAddress, originalDestination] of [
    [header(0x21, 0x11, IPV4), '10.1.2.3', '10.9.8.7:8080'],
    [header(0x21, 0x21, IPV6), 'fd00::1', '[fd00::2]:80'],
    [header(0x21, 0x11, [...IPV4, 4, 0, 1, 0]), '10.1.2.3', '10.9.8.7:8080'],
    [header(0x20, 0x11, IPV4), undefined, undefined],
    [header(0x21, 0x31, IPV4), undefined, undefined],
  ] as const)
    assert.deepEqual(readProxyHeader(bytes), { bytes: bytes.length, sourceAddress, originalDestination });
});

test('readProxyHeader() waits for the whole header', () => {
  const whole = header(0x21, 0x11, IPV4);
  for (let length = 0; length < whole.length; length++)
    assert.equal(readProxyHeader(whole.subarray(0, length)), undefined, `${length} bytes`);
});

test('readProxyHeader() throws for what is none', () => {
  for (const [bytes, message] of [
    [Uint8Array.from([0x47]), /does not begin/],
    [header(0x11, 0x11, IPV4), /not of version 2/],
    [header(0x21, 0x11, IPV4.slice(0, 8)), /no room/],
    [Uint8Array.from([...SIGNATURE, 0x21, 0x11, 0xff, 0xff]), /too long/],
  ] as const)
    assert.throws(() => readProxyHeader(bytes), message);
});
