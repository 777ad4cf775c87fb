/**
 * Asks Istio and Envoy what they take of the resources in `test/router/lint/refusal.json`, and writes it beside them:
 *
 *     test/peer/install.sh envoy istio-oracle
 *     npx node test/conformance/record/refusal.ts
 *
 * `istio` is istioctl's verdict; `envoy` is why Envoy refuses what pilot makes of the resources, absent where it
 * starts with it (`--mode validate`).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ISTIO_RUNTIME } from '../../peer/envoy.ts';
import { findPeer } from '../../peer/find.ts';
import { type RefusalCase, yamlOfRefusal } from '../../router/lint/refusal.ts';
import { casePart } from './envoy.ts';
import { startPilot } from './pilot.ts';

const FILE = join(import.meta.dirname, '../../router/lint/refusal.json');
const WORLD = {
  name: 'refusal',
  proxy: { type: 'sidecar', namespace: 'default', labels: { app: 'gateway' } },
  services: [
    {
      host: 'reviews.default.svc.cluster.local',
      namespace: 'default',
      ports: [{ name: 'http', number: 80, protocol: 'HTTP' }],
      endpoints: [{ name: 'v1', labels: { version: 'v1' } }],
    },
  ],
  requests: [],
};

const [envoy, oracle] = [findPeer('envoy'), findPeer('istio-oracle')];
if (!envoy || !oracle) throw new Error('It needs both of test/peer/install.sh envoy istio-oracle');
const pilot = startPilot(oracle);
const folder = mkdtempSync(join(tmpdir(), 'refusal-'));
const cases: RefusalCase[] = JSON.parse(readFileSync(FILE, 'utf8'));
let port = 20_000;
const upstreams = { open: async () => ++port, plan() {}, seen: () => [], close() {} };
const recorded = [];
for (const { rule, policy } of cases) {
  const given = { ...(rule && { rule }), ...(policy && { policy }) };
  const yaml = yamlOfRefusal(given);
  const istio = (await pilot.validate(yaml)).every(({ valid }) => valid);
  recorded.push({ ...given, istio, ...(istio && { envoy: await refusalOf(yaml) }) });
}
pilot.close();
rmSync(folder, { recursive: true });
writeFileSync(FILE, `[\n${recorded.map((each) => `  ${JSON.stringify(each)}`).join(',\n')}\n]\n`);

async function refusalOf(yaml: string): Promise<string | undefined> {
  const type = yaml.includes('kind: Gateway') ? 'router' : 'sidecar';
  const generated = await pilot.generate(yaml, { ...WORLD, proxy: { ...WORLD.proxy, type } });
  const part = await casePart(
    'refusal/',
    generated,
    upstreams,
    () => false,
    () => ++port,
    '/dev/null',
  );
  const file = join(folder, 'envoy.json');
  const { listeners, clusters } = part;
  const layeredRuntime = { layers: [{ name: 'static', staticLayer: ISTIO_RUNTIME }] };
  writeFileSync(file, JSON.stringify({ staticResources: { listeners, clusters }, layeredRuntime }));
  const { status, signal, stderr } = spawnSync(
    envoy!,
    ['--mode', 'validate', '-c', file, '-l', 'error', '--disable-hot-restart'],
    { encoding: 'utf8', timeout: 60_000 },
  );
  if (status === 0) return undefined;
  const said = stderr.replaceAll(/\s+/g, ' ');
  // The innermost of the messages that hold it, or else what is said behind the file's name.
  const inner = [...said.matchAll(/caused by (?:field: )?([^|()]{1,120})/g)].at(-1)?.[1];
  const why = inner ?? /envoy\.json': (.{1,90})/.exec(said)?.[1] ?? `it ends${signal ? ` by ${signal}` : ''}`;
  return why.trim();
}
