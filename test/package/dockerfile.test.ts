/**
 * The Dockerfile's build stage without a builder or a base image: its RUN lines in a copy of what it copies. Needs a
 * registry, as the tarball's test does.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { root } from '../program.ts';

const dockerfile = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8');
/** As an image's platform names it, of this machine. */
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
/** `e_machine` of a program's ELF header, by architecture. */
const MACHINES = { amd64: 0x3e, arm64: 0xb7 };

test('the Dockerfile gives what the builder says of the platform no default', () => {
  // Source: docker/buildx issue 510: BuildKit takes the default for every platform.
  assert.doesNotMatch(dockerfile, /^ARG (TARGET|BUILD)(ARCH|PLATFORM)=/m);
  assert.equal(dockerfile.match(/^ARG TARGETARCH$/gm)?.length, 2);
});

test('the Dockerfile builds a program that runs', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'pointsman-dockerfile-'));
  try {
    const source = join(scratch, 'src');
    const out = join(scratch, 'out');
    const ignored = /^(\.git|node_modules|dist|coverage)$/;
    cpSync(root, source, { recursive: true, filter: (path) => !ignored.test(relative(root, path)) });
    const [, stage = ''] = /^FROM .* AS build\n([\s\S]*?)^FROM /m.exec(dockerfile) ?? [];
    const lines = [...stage.matchAll(/^RUN (.*)$/gm)].map(([, line = '']) => line);
    assert.ok(lines.length >= 2, 'RUN lines of the build stage');
    for (const line of lines) {
      const { status, stdout, stderr } = spawnSync('sh', ['-c', line.replaceAll('/out', out)], {
        cwd: source,
        encoding: 'utf8',
        timeout: 240_000,
        env: { ...process.env, TARGETARCH: architecture },
      });
      assert.equal(status, 0, `${line}: ${stdout}${stderr}`);
    }
    const program = join(out, 'pointsman');
    assert.equal(readFileSync(program).readUInt16LE(18), MACHINES[architecture]);
    const sbom = JSON.parse(readFileSync(join(out, 'usr/share/doc/pointsman/sbom.spdx.json'), 'utf8')) as {
      packages: { name: string }[];
    };
    assert.ok(sbom.packages.some(({ name }) => name === 'hono'));
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal(stdout.trim(), version);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
