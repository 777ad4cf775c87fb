import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveTarget, type TargetOptions } from '../../../services/greeter/target.ts';

const defaults: TargetOptions = {
  address: 'localhost:8080',
  service: undefined,
  port: 20000,
  registryProtocol: 'direct',
  hasRules: false,
};

test('resolveTarget() reads each form of address', () => {
  const cases = [
    ['localhost:8080', 'http', 'localhost', 8080],
    ['http://127.0.0.1:8080/', 'http', '127.0.0.1', 8080],
    ['tri://greeter:20000', 'http', 'greeter', 20000],
    ['https://greeter', 'https', 'greeter', 443],
    ['greeter', 'http', 'greeter', 80],
    ['[::1]:8080', 'http', '::1', 8080],
  ] as const;
  for (const [address, scheme, host, port] of cases) {
    assert.deepEqual(
      resolveTarget({ ...defaults, address }),
      { kind: 'address', scheme, connect: { host, port }, authority: undefined },
      address,
    );
  }
});

test('resolveTarget() makes service and port the authority, at the address', () => {
  assert.deepEqual(resolveTarget({ ...defaults, service: 'dubbo-go-server' }), {
    kind: 'address',
    scheme: 'http',
    connect: { host: 'localhost', port: 8080 },
    authority: 'dubbo-go-server:20000',
  });
});

test('resolveTarget() calls localhost:8080 where nothing is said', () => {
  const target = resolveTarget({ ...defaults, address: undefined });
  assert.deepEqual(target.kind === 'address' && target.connect, { host: 'localhost', port: 8080 });
});

test('resolveTarget() tells a host of rules from an address', () => {
  const name = 'xds:///dubbo-go-server:20000';
  const cases: readonly (readonly [Partial<TargetOptions>, string])[] = [
    [{ address: name }, name],
    [{ registryProtocol: 'xds', service: 'dubbo-go-server', address: undefined }, name],
    [{ hasRules: true, address: undefined }, name],
    [{ hasRules: true, address: undefined, service: 'greeter', port: 80 }, 'xds:///greeter:80'],
    [{ hasRules: true, address: name }, name],
    [{ hasRules: true, address: 'greeter:8080' }, 'xds:///greeter:8080'],
    [{ hasRules: true, address: 'tri://greeter' }, 'xds:///greeter'],
  ];
  for (const [options, want] of cases)
    assert.deepEqual(resolveTarget({ ...defaults, ...options }), { kind: 'routed', name: want }, want);
});

test('resolveTarget() refuses with what would do', () => {
  for (const address of ['', 'ftp://x', 'localhost:99999', 'http://x/path', 'http://user@x', 'a b']) {
    assert.throws(() => resolveTarget({ ...defaults, address }), /want HOST:PORT, /, address);
  }
  assert.throws(
    () => resolveTarget({ ...defaults, registryProtocol: 'xds' }),
    /add --service dubbo-go-server/,
  );
  assert.throws(
    () => resolveTarget({ ...defaults, address: 'https://x', service: 'dubbo-go-server' }),
    /leave out --service, or use http/,
  );
});
