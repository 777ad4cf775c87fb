import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pointsman } from './program.ts';

test("graph prints Mermaid, and draws by the output file's ending", async () => {
  const { code, stdout } = await pointsman(['graph', 'deploy/istio']);
  assert.equal(code, 0);
  assert.match(stdout, /^flowchart LR\n {2}h0\(\["dubbo-go-server"\]\)\n/);
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-graph-'));
  try {
    const file = join(folder, 'rules.svg');
    const written = await pointsman(['graph', 'deploy/istio', '-o', file]);
    assert.equal(written.stdout, '');
    assert.match(await readFile(file, 'utf8'), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('graph and diff --gateway look at rules that come without their Gateway, and know no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-graph-'));
  try {
    const write = async (subset: string) => {
      const file = join(folder, `${subset}.yaml`);
      await writeFile(
        file,
        `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop}, spec: {hosts: [shop.example], gateways: [public], http: [{match: [{port: 8080}], route: [{destination: {host: shop, subset: ${subset}}}]}]}}`,
      );
      return file;
    };
    const [before, after] = [await write('v1'), await write('v2')];
    const drawn = await pointsman(['graph', before, '--gateway', 'public']);
    assert.equal(drawn.code, 0);
    assert.match(drawn.stdout, /through gateway public.*shop v1/s);
    const compared = await pointsman(['diff', before, after, '--gateway', 'public']);
    assert.equal(compared.code, 1);
    assert.match(compared.stdout, /shop v2 instead of shop v1/);
    for (const [args, reason] of [
      [['graph', before], /Cannot draw rules through gateway default\/pubic: .* only default\/public/],
      [
        ['diff', before, after],
        /Cannot compare requests through gateway default\/pubic: .* only default\/public/,
      ],
    ] as const) {
      const { code, stderr } = await pointsman([...args, '--gateway', 'pubic']);
      assert.equal(code, 2);
      assert.match(stderr, reason);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
