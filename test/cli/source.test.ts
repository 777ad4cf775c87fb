import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeSources, logSources } from '../../cli/source.ts';
import type { NamedSourceState } from '../../config/store.ts';

const state = (reason?: string): NamedSourceState => ({
  name: 'k8s://',
  state: reason === undefined ? 'connected' : 'connecting',
  since: '2026-01-01T00:00:00Z',
  ...(reason !== undefined && { reason }),
});

test('logSources() tells what comes of one cause in one line, and that it is over at once', async () => {
  const lines: string[] = [];
  const told = logSources((level, message) => void lines.push(`${level} ${message}`));
  for (const more of ['', ', and 1 more kinds', ', and 2 more kinds']) told(state(`HTTP 403${more}`));
  assert.deepEqual(lines, []);
  while (lines.length === 0) await new Promise((done) => setTimeout(done, 10));
  assert.deepEqual(lines, ['WARN k8s:// is connecting: HTTP 403, and 2 more kinds']);
  told(state('HTTP 500'));
  told(state());
  assert.deepEqual(lines.slice(1), ['INFO k8s:// is connected']);
});

test('logSources() says of rules that they stay where there are some', async () => {
  const lines: string[] = [];
  const told = logSources((_level, message) => void lines.push(message));
  const away = (counts?: Readonly<Record<string, number>>): NamedSourceState => ({
    ...state('HTTP 500'),
    state: 'disconnected',
    ...(counts && { counts }),
  });
  const next = async (change: NamedSourceState) => {
    const before = lines.length;
    told(change);
    while (lines.length === before) await new Promise((done) => setTimeout(done, 10));
    return lines.at(-1);
  };
  assert.equal(await next(away()), 'k8s:// is disconnected: HTTP 500; it has sent no rules yet');
  assert.equal(await next(state()), 'k8s:// is connected');
  assert.equal(await next(away()), 'k8s:// is disconnected: HTTP 500; the rules that it sent last stay');
  const cached = { ...away({ Listener: 2 }), name: 'xds://a' };
  assert.match((await next(cached)) ?? '', /^xds:\/\/a .* the rules that it sent last stay$/);
});

test('describeSources() gives the reasons that there are', () => {
  assert.equal(describeSources([state(), state('HTTP 403')]), 'k8s:// is connecting: HTTP 403');
  assert.equal(describeSources([state()]), '');
});
