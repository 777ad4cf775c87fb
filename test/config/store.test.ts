import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigSource, SourceSnapshot } from '../../config/source.ts';
import { type ConfigSnapshot, ConfigStore } from '../../config/store.ts';
import type { Issue } from '../../router/issue.ts';
import type { ValidResource } from '../../router/schema/kind.ts';

/** A VirtualService whose only content is its subset, so that versions of it can be told apart. */
function virtualService(name: string, subset: string, file = 'rules.yaml', line = 1): ValidResource {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: { hosts: [name], http: [{ route: [{ destination: { host: name, subset } }] }] },
    source: { file, position: () => ({ line, column: 1 }), line: () => '' },
  };
}

const KEY = 'VirtualService/default/greeter';

/** What is in effect for a name: its subset. */
function subsetOf(snapshot: ConfigSnapshot, name = 'greeter'): string | undefined {
  const found = snapshot.resources.find(({ metadata }) => metadata.name === name);
  return found?.kind === 'VirtualService' ? found.spec.http?.[0]?.route?.[0]?.destination?.subset : undefined;
}

/** A source that reports what a test hands it. */
class ScriptedSource implements ConfigSource {
  readonly name: string;
  report: (snapshot: Partial<SourceSnapshot>) => Promise<void> = async () => {};
  beforeRefresh: Partial<SourceSnapshot> | undefined;
  readonly #first: Partial<SourceSnapshot>;

  constructor(first: Partial<SourceSnapshot> = {}, name = 'rules.yaml') {
    this.#first = first;
    this.name = name;
  }

  async start(onSnapshot: (snapshot: SourceSnapshot) => Promise<void>): Promise<void> {
    this.report = (snapshot) =>
      onSnapshot({ resources: [], issues: [], refused: [], unreadable: [], ...snapshot });
    void this.report(this.#first);
  }

  async refresh(): Promise<void> {
    if (this.beforeRefresh !== undefined) void this.report(this.beforeRefresh);
    this.beforeRefresh = undefined;
  }
}

async function started(
  first: Partial<SourceSnapshot>,
): Promise<{ store: ConfigStore; source: ScriptedSource }> {
  const source = new ScriptedSource(first);
  let second = 0;
  const store = new ConfigStore([source], { now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, second++)) });
  await store.start();
  return { store, source };
}

const BROKEN: Issue = {
  code: 'yaml-syntax',
  severity: 'error',
  message: 'Cannot read it',
  file: 'rules.yaml',
  line: 7,
  resource: { kind: 'VirtualService', namespace: 'default', name: 'greeter' },
};

test('ConfigStore.current() is empty and of version 0 until every source has reported', async () => {
  let report: (snapshot: SourceSnapshot) => void = () => {};
  const slow: ConfigSource = {
    name: 'slow',
    start: (onSnapshot) =>
      new Promise((done) => {
        report = (snapshot) => {
          onSnapshot(snapshot);
          done();
        };
      }),
  };
  const store = new ConfigStore([new ScriptedSource({ resources: [virtualService('greeter', 'v1')] }), slow]);
  const start = store.start();
  assert.deepEqual(store.current(), { version: 0, resources: [], issues: [], states: [] });
  report({ resources: [], issues: [], refused: [], unreadable: [] });
  await start;
  assert.equal(store.current().version, 1);
  assert.equal(subsetOf(store.current()), 'v1');
});

test('ConfigStore.start() without sources gives an empty configuration', async () => {
  const store = new ConfigStore([]);
  await store.start();
  assert.deepEqual(store.current(), { version: 1, resources: [], issues: [], states: [] });
});

test('ConfigStore.subscribe() hears each change whole, until it is ended', async () => {
  const { store, source } = await started({ resources: [virtualService('greeter', 'v1')] });
  const heard: (string | undefined)[] = [];
  const end = store.subscribe((snapshot) => heard.push(subsetOf(snapshot)));
  await source.report({ resources: [virtualService('greeter', 'v2')] });
  end();
  await source.report({ resources: [virtualService('greeter', 'v3')] });
  assert.deepEqual(heard, ['v2']);
});

test('ConfigStore keeps the last good version of a refused resource, and takes the next good one', async () => {
  const { store, source } = await started({
    resources: [virtualService('greeter', 'v1'), virtualService('other', 'v1')],
  });
  await source.report({ resources: [virtualService('other', 'v2')], refused: [KEY], issues: [BROKEN] });
  assert.equal(subsetOf(store.current()), 'v1');
  assert.equal(subsetOf(store.current(), 'other'), 'v2');
  const kept = store.current().states.find(({ key }) => key === KEY);
  assert.deepEqual(kept, {
    key: KEY,
    source: 'rules.yaml',
    file: 'rules.yaml',
    line: 1,
    state: 'last-good',
    since: '2026-01-01T00:00:01.000Z',
    issues: [BROKEN],
  });
  await source.report({ resources: [virtualService('greeter', 'v3')] });
  assert.equal(subsetOf(store.current()), 'v3');
  assert.deepEqual(
    store.current().states.map(({ key, state }) => [key, state]),
    [[KEY, 'active']],
  );
});

test('ConfigStore keeps a refused resource where it stood among the others', async () => {
  const names = ['a', 'greeter', 'z'];
  const { store, source } = await started({ resources: names.map((name) => virtualService(name, 'v1')) });
  await source.report({ resources: [virtualService('a', 'v1'), virtualService('z', 'v1')], refused: [KEY] });
  assert.deepEqual(
    store.current().resources.map(({ metadata }) => metadata.name),
    names,
  );
});

test('ConfigStore shows a resource that never was valid as refused, with the place of its issue', async () => {
  const { store } = await started({ refused: [KEY], issues: [BROKEN] });
  assert.deepEqual(store.current().resources, []);
  assert.deepEqual(store.current().states, [
    {
      key: KEY,
      source: 'rules.yaml',
      file: 'rules.yaml',
      line: 7,
      state: 'refused',
      since: '2026-01-01T00:00:00.000Z',
      issues: [BROKEN],
    },
  ]);
});

test('ConfigStore keeps all resources of a file that cannot be read, and drops those of one that is gone', async () => {
  const { store, source } = await started({
    resources: [virtualService('greeter', 'v1', 'a.yaml'), virtualService('other', 'v1', 'b.yaml')],
  });
  await source.report({ unreadable: ['a.yaml'] });
  assert.equal(subsetOf(store.current()), 'v1');
  assert.equal(subsetOf(store.current(), 'other'), undefined);
});

test('ConfigStore takes the first of two resources of one name and says where both stand', async () => {
  for (const sources of [
    [
      new ScriptedSource({
        resources: [
          virtualService('greeter', 'v1', 'a.yaml', 3),
          virtualService('greeter', 'v2', 'b.yaml', 5),
        ],
      }),
    ],
    [
      new ScriptedSource({ resources: [virtualService('greeter', 'v1', 'a.yaml', 3)] }, 'a.yaml'),
      new ScriptedSource({ resources: [virtualService('greeter', 'v2', 'b.yaml', 5)] }, 'b.yaml'),
    ],
  ]) {
    const store = new ConfigStore(sources);
    await store.start();
    const { issues, states } = store.current();
    assert.equal(subsetOf(store.current()), 'v1');
    assert.deepEqual(
      issues.map(({ code, severity, file, line }) => ({ code, severity, file, line })),
      [{ code: 'duplicate-resource', severity: 'error', file: 'b.yaml', line: 5 }],
    );
    assert.match(issues[0]!.message, /a\.yaml:3/);
    assert.deepEqual(
      states.map(({ file, state }) => [file, state]),
      [
        ['a.yaml', 'active'],
        ['b.yaml', 'refused'],
      ],
    );
  }
});

test('ConfigStore.apply() says created, configured or unchanged as kubectl does', async () => {
  const { store } = await started({ resources: [virtualService('greeter', 'v1')] });
  const apply = async (...resources: ValidResource[]) =>
    (await store.apply(resources)).resources.map(({ outcome }) => outcome);
  assert.deepEqual(
    await apply(virtualService('greeter', 'v1', 'apply'), virtualService('new', 'v1', 'apply')),
    ['unchanged', 'created'],
  );
  assert.deepEqual(await apply(virtualService('greeter', 'v2', 'apply')), ['configured']);
  assert.deepEqual(await apply(virtualService('greeter', 'v2', 'apply')), ['unchanged']);
  assert.equal(subsetOf(store.current()), 'v2');
  assert.deepEqual(
    store.current().states.map(({ source, state }) => [source, state]),
    [
      ['rules.yaml', 'hidden'],
      ['apply', 'active'],
      ['apply', 'active'],
    ],
  );
});

test('ConfigStore.apply() lays several resources over in one snapshot', async () => {
  const { store } = await started({});
  const before = store.current().version;
  await store.apply([virtualService('a', 'v1'), virtualService('b', 'v1')]);
  assert.equal(store.current().version, before + 1);
});

test('ConfigStore.apply() holds against changes of other resources and ends with a save of the same one', async () => {
  const { store, source } = await started({ resources: [virtualService('greeter', 'v1')] });
  await store.apply([virtualService('greeter', 'v2')]);
  await source.report({
    resources: [virtualService('greeter', 'v1'), virtualService('other', 'v1')],
    saved: ['VirtualService/default/other'],
  });
  assert.equal(subsetOf(store.current()), 'v2');
  await source.report({ resources: [virtualService('greeter', 'v1')], saved: [KEY] });
  assert.equal(subsetOf(store.current()), 'v1');
});

test('ConfigStore.apply() is not undone by a save that came before it but was not yet seen', async () => {
  const { store, source } = await started({ resources: [virtualService('greeter', 'v1')] });
  source.beforeRefresh = { resources: [virtualService('greeter', 'v2')], saved: [KEY] };
  await store.apply([virtualService('greeter', 'v3')]);
  assert.equal(subsetOf(store.current()), 'v3');
});

test('ConfigStore.apply() holds when the file is saved with a version that is refused', async () => {
  const { store, source } = await started({ resources: [virtualService('greeter', 'v1')] });
  await store.apply([virtualService('greeter', 'v2')]);
  await source.report({ refused: [KEY], issues: [BROKEN] });
  assert.equal(subsetOf(store.current()), 'v2');
});

test('ConfigStore.delete() takes away what was applied, so that the file counts again', async () => {
  const { store } = await started({ resources: [virtualService('greeter', 'v1', 'rules.yaml', 4)] });
  await store.apply([virtualService('greeter', 'v2')]);
  assert.deepEqual(await store.delete(KEY), { key: KEY, outcome: 'deleted', restored: 'rules.yaml:4' });
  assert.equal(subsetOf(store.current()), 'v1');
});

test('ConfigStore.delete() removes an applied resource that no file holds, and knows no other', async () => {
  const { store } = await started({});
  await store.apply([virtualService('greeter', 'v1')]);
  assert.deepEqual(await store.delete(KEY), { key: KEY, outcome: 'deleted' });
  assert.deepEqual(await store.delete(KEY), { key: KEY, outcome: 'not-found' });
  assert.deepEqual(store.current().resources, []);
});

test('ConfigStore.delete() hides what a file holds until that file is saved', async () => {
  const { store, source } = await started({ resources: [virtualService('greeter', 'v1', 'rules.yaml', 4)] });
  assert.deepEqual(await store.delete(KEY), { key: KEY, outcome: 'deleted', hidden: 'rules.yaml:4' });
  assert.deepEqual(await store.delete(KEY), { key: KEY, outcome: 'not-found' });
  assert.equal(subsetOf(store.current()), undefined);
  assert.deepEqual(
    store.current().states.map(({ state }) => state),
    ['hidden'],
  );
  await source.report({ resources: [virtualService('greeter', 'v1')] });
  assert.equal(subsetOf(store.current()), undefined, 'a snapshot without a save leaves it hidden');
  await source.report({ resources: [virtualService('greeter', 'v1')], saved: [KEY] });
  assert.equal(subsetOf(store.current()), 'v1');
});

test('ConfigStore.delete() forgets what it hid when the file drops the resource', async () => {
  const { store, source } = await started({ resources: [virtualService('greeter', 'v1')] });
  await store.delete(KEY);
  await source.report({});
  await source.report({ resources: [virtualService('greeter', 'v2')] });
  assert.equal(subsetOf(store.current()), 'v2');
});

test('ConfigStore.start() may be tried again after a source could not start, and leaves none running', async () => {
  const signals: AbortSignal[] = [];
  const steady: ConfigSource = {
    name: 'steady',
    async start(onSnapshot, signal) {
      signals.push(signal);
      onSnapshot({ resources: [virtualService('greeter', 'v1')], issues: [], refused: [], unreadable: [] });
    },
  };
  let attempts = 0;
  const late: ConfigSource = {
    name: 'late',
    async start(onSnapshot) {
      if (attempts++ === 0) throw new Error('Cannot reach it yet');
      onSnapshot({ resources: [], issues: [], refused: [], unreadable: [] });
    },
  };
  const store = new ConfigStore([steady, late]);
  await assert.rejects(store.start(), new Error('Cannot reach it yet'));
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true],
  );
  await store.start();
  assert.equal(subsetOf(store.current()), 'v1');
  await store.start();
  assert.deepEqual([signals.length, signals[1]?.aborted], [2, false]);
});

test('ConfigStore.stop() aborts the sources and takes nothing more from them', async () => {
  let signal: AbortSignal | undefined;
  let report: (snapshot: SourceSnapshot) => void = () => {};
  const store = new ConfigStore([
    {
      name: 'source',
      async start(onSnapshot, given) {
        signal = given;
        report = onSnapshot;
        onSnapshot({ resources: [], issues: [], refused: [], unreadable: [] });
      },
    },
  ]);
  await store.start();
  await store.stop();
  assert.equal(signal?.aborted, true);
  report({ resources: [virtualService('greeter', 'v1')], issues: [], refused: [], unreadable: [] });
  assert.deepEqual(store.current().resources, []);
});

test('ConfigStore gives the same rules where a source tells of other services alone, and what was applied stays', async () => {
  const rules = { resources: [virtualService('greeter', 'v1')], issues: [], refused: [], unreadable: [] };
  const service = (host: string) => ({ host, namespace: 'default', ports: [], endpoints: [] });
  const source = new ScriptedSource({ ...rules, services: [service('one')] }, 'k8s://');
  const store = new ConfigStore([source]);
  await store.start();
  await store.apply([virtualService('greeter', 'v2')]);
  const before = store.current();
  await source.report({ ...rules, services: [service('one'), service('two')] });
  const after = store.current();
  assert.equal(after.resources, before.resources);
  assert.equal(after.states, before.states);
  assert.equal(subsetOf(after), 'v2');
  assert.deepEqual(
    after.services?.map(({ host }) => host),
    ['one', 'two'],
  );
  await source.report({ ...rules, resources: [virtualService('greeter', 'v3')], saved: [KEY] });
  assert.equal(subsetOf(store.current()), 'v3');
  assert.equal(store.current().services, undefined);
});
