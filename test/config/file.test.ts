import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileSource } from '../../config/file.ts';
import { type ConfigSnapshot, ConfigStore } from '../../config/store.ts';

function rule(name: string, subset: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ${name}
spec:
  hosts: [${name}]
  http:
    - route:
        - destination:
            host: ${name}
            subset: ${subset}
`;
}

const BROKEN = rule('greeter', 'v1').replace('subset: v1', 'subset: [');

/** `name=subset` of every rule in effect. */
function inEffect(snapshot: ConfigSnapshot): string {
  return snapshot.resources
    .map((resource) => {
      const http = resource.kind === 'VirtualService' ? resource.spec.http : undefined;
      return `${resource.metadata.name}=${http?.[0]?.route?.[0]?.destination?.subset}`;
    })
    .join(' ');
}

interface Watched {
  readonly folder: string;
  readonly store: ConfigStore;
  /** Resolves once the condition holds; rejects after 30 seconds. */
  until(holds: (snapshot: ConfigSnapshot) => boolean): Promise<void>;
}

/** Runs a test with a folder of its own and a store that watches `path` in it. */
async function watched(
  path: string,
  prepare: (folder: string) => void,
  body: (watched: Watched) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-file-'));
  prepare(folder);
  const store = new ConfigStore([fileSource(join(folder, path))]);
  try {
    await store.start();
    await body({
      folder,
      store,
      until(holds) {
        return new Promise<void>((done, failed) => {
          const timer = setTimeout(
            () => failed(new Error(`Not so within 30 s: ${inEffect(store.current())}, ${holds}`)),
            30_000,
          );
          const check = (snapshot: ConfigSnapshot) => {
            if (!holds(snapshot)) return;
            clearTimeout(timer);
            end();
            done();
          };
          const end = store.subscribe(check);
          check(store.current());
        });
      },
    });
  } finally {
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

test('fileSource() reads a file before start resolves', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ store, folder }) => {
      assert.equal(inEffect(store.current()), 'greeter=v1');
      assert.deepEqual(
        store.current().states.map(({ file, line, state }) => ({ file, line, state })),
        [{ file: join(folder, 'a.yaml'), line: 1, state: 'active' }],
      );
    },
  );
});

test('fileSource() reports a file that is saved, time after time', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, until }) => {
      for (const subset of ['v2', 'v3', 'v4']) {
        writeFileSync(join(folder, 'a.yaml'), rule('greeter', subset));
        await until((snapshot) => inEffect(snapshot) === `greeter=${subset}`);
      }
    },
  );
});

test('fileSource() reports a file that an editor replaces by rename, time after time', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, store, until }) => {
      const seen: string[] = [];
      store.subscribe((snapshot) => seen.push(inEffect(snapshot)));
      for (const subset of ['v2', 'v3']) {
        // As vim does: the old file becomes the backup, the new one takes its name.
        renameSync(join(folder, 'a.yaml'), join(folder, 'a.yaml~'));
        writeFileSync(join(folder, '.a.yaml.swp'), rule('greeter', subset));
        renameSync(join(folder, '.a.yaml.swp'), join(folder, 'a.yaml'));
        await until((snapshot) => inEffect(snapshot) === `greeter=${subset}`);
      }
      assert.deepEqual(seen, ['greeter=v2', 'greeter=v3']);
    },
  );
});

test('fileSource() never shows a file that is being written in pieces', async () => {
  const next = `${rule('greeter', 'v2')}---\n${rule('other', 'v2')}`;
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), `${rule('greeter', 'v1')}---\n${rule('other', 'v1')}`),
    async ({ folder, store, until }) => {
      const seen: string[] = [];
      store.subscribe((snapshot) => seen.push(inEffect(snapshot)));
      const file = join(folder, 'a.yaml');
      writeFileSync(file, '');
      for (let at = 0; at < next.length; at += 60) {
        await new Promise((done) => setTimeout(done, 2));
        appendFileSync(file, next.slice(at, at + 60));
      }
      await until((snapshot) => inEffect(snapshot) === 'greeter=v2 other=v2');
      assert.deepEqual(seen, ['greeter=v2 other=v2']);
    },
  );
});

test('fileSource() keeps for a while what a file held that is emptied, and shows only what is written next', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, store, until }) => {
      const seen: string[] = [];
      store.subscribe((snapshot) => seen.push(inEffect(snapshot)));
      writeFileSync(join(folder, 'a.yaml'), '');
      // Far less than a while, also where the machine is busy.
      await new Promise((done) => setTimeout(done, 200));
      writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v2'));
      await until((snapshot) => inEffect(snapshot) === 'greeter=v2');
      assert.deepEqual(seen, ['greeter=v2']);
    },
  );
});

test('fileSource() keeps what a broken save held and takes the next good one', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, store, until }) => {
      writeFileSync(join(folder, 'a.yaml'), BROKEN);
      await until((snapshot) => snapshot.issues.length > 0);
      assert.equal(inEffect(store.current()), 'greeter=v1');
      const [state] = store.current().states;
      assert.equal(state?.state, 'last-good');
      assert.ok(state.issues.length > 0, 'the state says why');
      assert.equal(store.current().issues[0]?.file, join(folder, 'a.yaml'));
      writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v2'));
      await until((snapshot) => inEffect(snapshot) === 'greeter=v2' && snapshot.issues.length === 0);
    },
  );
});

test('fileSource() keeps a resource that is refused while the others of its file go on', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), `${rule('greeter', 'v1')}---\n${rule('other', 'v1')}`),
    async ({ folder, store, until }) => {
      const refused = rule('greeter', 'v2').replace('spec:', 'spec:\n  hots: [typo]');
      writeFileSync(join(folder, 'a.yaml'), `${refused}---\n${rule('other', 'v2')}`);
      await until((snapshot) => inEffect(snapshot) === 'greeter=v1 other=v2');
      assert.deepEqual(
        store.current().issues.map(({ code, line }) => ({ code, line })),
        [{ code: 'unknown-field', line: 6 }],
      );
    },
  );
});

test('fileSource() drops what a save or a deletion takes away', async () => {
  await watched(
    '.',
    (folder) => {
      writeFileSync(join(folder, 'a.yaml'), `${rule('a1', 'v1')}---\n${rule('a2', 'v1')}`);
      writeFileSync(join(folder, 'b.yaml'), rule('b', 'v1'));
    },
    async ({ folder, store, until }) => {
      assert.equal(inEffect(store.current()), 'a1=v1 a2=v1 b=v1');
      writeFileSync(join(folder, 'a.yaml'), rule('a1', 'v1'));
      await until((snapshot) => inEffect(snapshot) === 'a1=v1 b=v1');
      rmSync(join(folder, 'b.yaml'));
      await until((snapshot) => inEffect(snapshot) === 'a1=v1');
      writeFileSync(join(folder, 'a.yaml'), '');
      await until((snapshot) => inEffect(snapshot) === '');
    },
  );
});

test('fileSource() takes .yaml, .yml and .json of a folder by name, and neither folders in it nor hidden files', async () => {
  const json = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'c' } };
  await watched(
    '.',
    (folder) => {
      writeFileSync(join(folder, 'b.yml'), rule('b', 'v1'));
      writeFileSync(join(folder, 'a.yaml'), rule('a', 'v1'));
      const spec = { hosts: ['c'], http: [{ route: [{ destination: { host: 'c', subset: 'v1' } }] }] };
      writeFileSync(join(folder, 'c.json'), JSON.stringify({ ...json, spec }));
      writeFileSync(join(folder, 'notes.txt'), 'not: [yaml');
      writeFileSync(join(folder, '.d.yaml'), rule('d', 'v1'));
      symlinkSync('nobody@host.1', join(folder, '.#a.yaml')); // as Emacs locks a file
      mkdirSync(join(folder, 'scenarios'));
      writeFileSync(join(folder, 'scenarios', 'e.yaml'), rule('e', 'v1'));
    },
    async ({ store, folder, until }) => {
      assert.equal(inEffect(store.current()), 'a=v1 b=v1 c=v1');
      assert.deepEqual(store.current().issues, []);
      writeFileSync(join(folder, 'aa.yaml'), rule('aa', 'v1'));
      await until((snapshot) => inEffect(snapshot) === 'a=v1 aa=v1 b=v1 c=v1');
    },
  );
});

test('fileSource() waits for a path that appears later, and for it to come back', async () => {
  await watched(
    'later/rules',
    () => {},
    async ({ folder, store, until }) => {
      assert.deepEqual(
        store.current().issues.map(({ code, file }) => ({ code, file })),
        [{ code: 'file-missing', file: join(folder, 'later/rules') }],
      );
      for (const subset of ['v1', 'v2']) {
        mkdirSync(join(folder, 'later/rules'), { recursive: true });
        writeFileSync(join(folder, 'later/rules/a.yaml'), rule('greeter', subset));
        await until((snapshot) => inEffect(snapshot) === `greeter=${subset}` && snapshot.issues.length === 0);
        rmSync(join(folder, 'later'), { recursive: true });
        await until((snapshot) => inEffect(snapshot) === '' && snapshot.issues[0]?.code === 'file-missing');
      }
    },
  );
});

test('fileSource() follows the link swap with which Kubernetes updates a ConfigMap', async () => {
  const publish = (folder: string, version: string, subset: string) => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'a.yaml'), rule('greeter', subset));
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  for (const path of ['.', 'a.yaml']) {
    await watched(
      path,
      (folder) => {
        publish(folder, '..1', 'v1');
        symlinkSync(join('..data', 'a.yaml'), join(folder, 'a.yaml'));
      },
      async ({ folder, store, until }) => {
        assert.equal(inEffect(store.current()), 'greeter=v1');
        for (const [version, subset] of [
          ['..2', 'v2'],
          ['..3', 'v3'],
        ] as const) {
          publish(folder, version, subset);
          rmSync(join(folder, `..${Number(version.slice(2)) - 1}`), { recursive: true });
          await until((snapshot) => inEffect(snapshot) === `greeter=${subset}`);
        }
      },
    );
  }
});

test('fileSource() keeps the resources of a file that becomes unreadable', {
  skip: process.getuid?.() === 0 ? 'root may read every file' : false,
}, async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, store, until }) => {
      chmodSync(join(folder, 'a.yaml'), 0);
      await until((snapshot) => snapshot.issues[0]?.code === 'file-unreadable');
      assert.equal(inEffect(store.current()), 'greeter=v1');
      chmodSync(join(folder, 'a.yaml'), 0o644);
      await until((snapshot) => snapshot.issues.length === 0);
    },
  );
});

test('fileSource() keeps the resources of a file whose name a folder or a circle of links takes', async () => {
  await watched(
    '.',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, store, until }) => {
      rmSync(join(folder, 'a.yaml'));
      symlinkSync('a.yaml', join(folder, 'a.yaml'));
      await until((snapshot) => snapshot.issues[0]?.code === 'file-unreadable');
      assert.equal(inEffect(store.current()), 'greeter=v1');
    },
  );
});

test('fileSource() tells the store of a save without a change, which ends what was applied', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, store, until }) => {
      await store.delete('VirtualService/default/greeter');
      assert.equal(inEffect(store.current()), '');
      const now = new Date();
      utimesSync(join(folder, 'a.yaml'), now, now);
      await until((snapshot) => inEffect(snapshot) === 'greeter=v1');
    },
  );
});

test('fileSource() has a save made just before apply() not undo it', async () => {
  await watched(
    'a.yaml',
    (folder) => writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v1')),
    async ({ folder, store }) => {
      const [first] = store.current().resources;
      assert.ok(first);
      writeFileSync(join(folder, 'a.yaml'), rule('greeter', 'v2'));
      await store.apply([first]);
      assert.equal(inEffect(store.current()), 'greeter=v1');
      await new Promise((done) => setTimeout(done, 500));
      assert.equal(inEffect(store.current()), 'greeter=v1');
    },
  );
});

test('fileSource() ends with the later of two saves, made while the first one was being read', async () => {
  const many = (subset: string) =>
    Array.from({ length: 600 }, (_, index) => rule(`rule-${index}`, subset)).join('---\n');
  await watched(
    'rules.yaml',
    (folder) => writeFileSync(join(folder, 'rules.yaml'), many('v1')),
    async ({ folder, store, until }) => {
      const seen: (string | undefined)[] = [];
      store.subscribe((snapshot) => seen.push(/rule-599=(\w+)$/.exec(inEffect(snapshot))?.[1]));
      writeFileSync(join(folder, 'rules.yaml'), many('v2'));
      // Until after it has come to rest, so that its reading has begun.
      await new Promise((done) => setTimeout(done, 100));
      writeFileSync(join(folder, 'rules.yaml'), many('v3'));
      await until((snapshot) => inEffect(snapshot).endsWith('rule-599=v3'));
      await until((snapshot) => !/=v[12]/.test(inEffect(snapshot)));
      assert.ok(['v3', 'v2,v3'].includes(seen.join()), seen.join());
    },
  );
});

test('fileSource() has a save that is still being read not undo what is applied after it', async () => {
  const many = (subset: string) =>
    Array.from({ length: 600 }, (_, index) => rule(`rule-${index}`, subset)).join('---\n');
  await watched(
    'rules.yaml',
    (folder) => writeFileSync(join(folder, 'rules.yaml'), many('v1')),
    async ({ folder, store }) => {
      const [first] = store.current().resources;
      assert.ok(first?.kind === 'VirtualService');
      const route = [{ destination: { host: 'rule-0', subset: 'applied' } }];
      writeFileSync(join(folder, 'rules.yaml'), many('v2'));
      await new Promise((done) => setTimeout(done, 100));
      await store.apply([{ ...first, spec: { ...first.spec, http: [{ route }] } }]);
      const text = inEffect(store.current());
      assert.match(text, /rule-0=applied/);
      assert.match(text, /rule-599=v2/);
    },
  );
});

test('fileSource() does not keep apply() waiting for a file that is saved without end', async () => {
  await watched(
    'rules.yaml',
    (folder) => writeFileSync(join(folder, 'rules.yaml'), rule('greeter', 'v1')),
    async ({ folder, store }) => {
      const file = join(folder, 'rules.yaml');
      // A process of its own, which does not stop for a reading: the file has grown at every look.
      const loop = 'n=0; while [ $n -lt 3000000 ]; do n=$((n+1)); printf "#\\n" >> "$1"; done';
      const saving = spawn('sh', ['-c', loop, 'sh', file]);
      const ended = new Promise((done) => saving.on('exit', () => done('the saves')));
      const limit = setTimeout(() => saving.kill(), 15_000);
      try {
        const waited = store.delete('VirtualService/default/none').then(() => 'the wait');
        assert.equal(await Promise.race([ended, waited]), 'the wait');
      } finally {
        clearTimeout(limit);
        saving.kill();
        await ended;
      }
    },
  );
});
