import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetOf } from '../../client/target.ts';

test('targetOf() reads the host and port of a URL', () => {
  const cases = [
    ['http://greeter', 'http://greeter', 'greeter', undefined, false],
    ['http://Greeter:80/', 'http://greeter:80', 'greeter', 80, false],
    ['http://greeter:20000/base/', 'http://greeter:20000/base', 'greeter', 20000, false],
    ['HTTP://greeter.shop.svc.cluster.local', 'http://greeter.shop.svc.cluster.local', undefined, undefined],
    ['http://[::1]:8080', 'http://[::1]:8080', '[::1]', 8080, false],
    ['xds:///greeter:20000', 'http://greeter:20000', 'greeter', 20000, true],
    ['xds:///greeter', 'http://greeter', 'greeter', undefined, true],
  ] as const;
  for (const [url, baseUrl, host, port, isXds = false] of cases)
    assert.deepEqual(
      targetOf(url),
      { baseUrl, host: host ?? baseUrl.slice('http://'.length), port, isXds },
      url,
    );
});

test('targetOf() refuses what names no host, and says what would do', () => {
  const cases = [
    ['https://greeter', /trafficPolicy\.tls/],
    ['greeter:8080', /want http:\/\/HOST:PORT or xds:\/\/\/HOST:PORT/],
    ['', /want http/],
    ['http://', /want http/],
    ['http://user@greeter', /want http/],
    ['http://greeter?a=b', /want http/],
    ['xds://greeter', /want http/],
    ['xds:///greeter/path', /want http/],
    ['ftp://greeter', /want http/],
    ['http://greeter:99999', /want http/],
  ] as const;
  for (const [url, message] of cases)
    assert.throws(
      () => targetOf(url),
      (error) => error instanceof TypeError && message.test(error.message),
      url,
    );
});
