/**
 * docs/tutorial.md, run as its reader would: each command of its console blocks in one shell, and what it prints beside
 * what the page says. Only times, ports and random counts may differ.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { closedPort } from '../closed-port.ts';
import { patternOf, stepsOf } from '../console-page.ts';
import { type Program, root, run, runtime, startAny } from '../program.ts';

/** Blocks that test/package/chart.test.ts runs. */
const IN_A_CLUSTER = 'in a cluster';
/** Ports that the page names. */
const PORTS = ['8080', '9901', '20001', '20002'];

test('docs/tutorial.md prints what it says', {
  skip: runtime === 'bun' ? false : 'its programs run on Bun',
  timeout: 120_000,
}, async () => {
  const page = readFileSync(join(root, 'docs/tutorial.md'), 'utf8');
  const ports = new Map<string, string>();
  for (const port of PORTS) ports.set(port, String(await closedPort()));
  const onOurs = (text: string) =>
    text.replace(/\b(8080|9901|20001|20002)\b/g, (port) => ports.get(port) ?? port);
  const env = { POINTSMAN_PORT: ports.get('8080')!, POINTSMAN_ADMIN_PORT: ports.get('9901')!, TZ: 'UTC' };
  const steps = stepsOf(page).filter(({ note }) => note !== IN_A_CLUSTER);
  assert.ok(steps.length >= 16, `${steps.length} steps`);
  const background: Program[] = [];
  const file = await rulesOnOurs(onOurs);
  try {
    for (const { command, wanted, note } of steps) {
      const line = onOurs(command).replaceAll('examples/client/endpoints.yaml', file);
      const printed = onOurs(wanted.join('\n')).split('\n');
      if (note === 'in the background') {
        // Without npx and npm in between, which keep signals for themselves.
        const direct = line.replace(/^npx bun /, 'bun ').replace(/^npm run -s dev$/, 'bun cli/main.ts dev');
        const program = startAny('bash', ['-c', `exec node_modules/.bin/${direct}`], { env });
        background.push(program);
        const awaited = printed.find((each) => each !== '...' && each !== '')!;
        const pattern = patternOf([awaited]).source.replace(/^\^|\$$/g, '');
        await program.line(new RegExp(pattern, 'm'));
      } else {
        const { code, output } = await run('bash', ['-c', line], { env });
        assert.ok(code === 0 || /pointsman -- diff/.test(line), `${line}: ${output}`);
        assert.match(output, patternOf(printed), command);
      }
    }
  } finally {
    for (const program of background) program.kill('SIGTERM');
    await Promise.all(background.map(({ exit }) => exit));
  }
});

/** The endpoints of the page, at the ports that are free here. */
async function rulesOnOurs(onOurs: (text: string) => string): Promise<string> {
  const { mkdtemp, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const file = join(await mkdtemp(join(tmpdir(), 'pointsman-tutorial-')), 'endpoints.yaml');
  await writeFile(file, onOurs(readFileSync(join(root, 'examples/client/endpoints.yaml'), 'utf8')));
  return file;
}
