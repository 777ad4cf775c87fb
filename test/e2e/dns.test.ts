/** Names that change, as a whole gateway sees them: asked of a real name server, in a network of their own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, runtime, startAny } from '../program.ts';

/** A network, a file system and processes of its own, of which none outlives it. */
const APART = [
  '--user',
  '--map-root-user',
  '--net',
  '--mount',
  '--pid',
  '--fork',
  '--kill-child',
  'sh',
  '-ec',
];

/** What a shell does before the world runs in it: the machine's own name servers are not asked, and nobody else's ports used. */
const PREPARE = 'ip link set lo up; mount --bind "$1" /etc/resolv.conf; shift; exec "$@"';

const canBeApart = spawnSync('unshare', [...APART, PREPARE, 'sh', '/etc/resolv.conf', 'true']).status === 0;

const RULES = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [db.example]
  resolution: DNS
  ports: [{ name: http, number: 80, protocol: HTTP, targetPort: 8081 }]
  endpoints: [{ address: endpoints.db.example }]
`;

test('serve follows a name to other addresses while calls go on, and keeps the last ones when its server fails', {
  skip: !canBeApart && 'needs unshare, to have a name server of its own',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-dns-'));
  try {
    const [resolvers, rules] = [join(folder, 'resolv.conf'), join(folder, 'rules.yaml')];
    writeFileSync(resolvers, 'nameserver 127.0.0.1\n');
    writeFileSync(rules, RULES);
    const options = runtime === 'deno' ? ['run', '-A', '--no-check', '--quiet'] : [];
    const command = [process.execPath, ...options, join(root, 'test/e2e/dns-world.ts'), rules];
    const world = startAny('unshare', [...APART, PREPARE, 'sh', resolvers, ...command]);
    const code = await world.exit;
    assert.equal(code, 0, world.stderr());
    const one = 'answered by 127.0.0.2';
    const both = `${one} and 127.0.0.3`;
    const steps = [one, 'answered by 127.0.0.3', both, 'answers no more', both];
    assert.deepEqual(world.stdout().trim().split('\n'), steps);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
