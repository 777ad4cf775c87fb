/**
 * The chart and the Makefile's words against a real API server: what Helm renders is strictly valid there, and the
 * tutorial's four releases are installed, upgraded, rolled back and removed. No controllers run, so no pods do.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { closedPort } from '../closed-port.ts';
import { patternOf, stepsOf } from '../console-page.ts';
import { findPeer, skipWithout } from '../peer/find.ts';
import { root } from '../program.ts';
import { type CustomResourceDefinitions, type OpenApi, writeSchemas } from './kubeconform-schema.ts';

const PEERS = ['helm', 'kubectl', 'kube-apiserver', 'etcd'];
const skip = PEERS.map(skipWithout).find((reason) => reason !== false) ?? false;
const helm = findPeer('helm') ?? 'helm';
const kubectl = findPeer('kubectl') ?? 'kubectl';
const chart = join(root, 'deploy/chart');
/** A Helm that is built from source takes every cluster for an old one, where it renders without one. */
const TEMPLATE = ['template', 'release', chart, '--kube-version', '1.34.0'];
const COMPONENTS = ['server', 'client', 'gateway'] as const;
const EVERYTHING =
  'istioToken.enabled=true,autoscaling.enabled=true,podDisruptionBudget.enabled=true,' +
  'client.headers[0].name=user,client.headers[0].value=admin,gateway.rules.rules\\.yaml=,' +
  'gateway.adminTokenSecret=token,gateway.secrets=true,gateway.status=true,gateway.defaultHost=dubbo-go-server,sidecar.inject=false';

const scratch = mkdtempSync(join(tmpdir(), 'pointsman-chart-'));
let environment: NodeJS.ProcessEnv = process.env;

function run(
  program: string,
  args: readonly string[],
  input?: string,
): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
    // An API server's own description is some megabytes.
    maxBuffer: 1 << 26,
    env: environment,
    ...(input !== undefined && { input }),
  });
  return { status, output: `${stdout}${stderr}` };
}

function succeed(program: string, args: readonly string[], input?: string): string {
  const { status, output } = run(program, args, input);
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${output}`);
  return output;
}

const make = (target: string, name: string, flags = '') =>
  succeed('make', ['-s', target, `HELM=${helm}`, `HELM_INSTALL_NAME=${name}`, `HELM_FLAGS=${flags}`]);
const field = (what: string, path: string) =>
  succeed(kubectl, ['get', what, '-o', `jsonpath=${path}`]).trim();

before(async () => {
  if (skip) return;
  // Two further ones follow it.
  const port = Math.min(await closedPort(), 65_000);
  const kubeconfig = succeed(join(root, 'test/peer/kube-apiserver'), ['start', scratch, String(port)])
    .trim()
    .split('\n')
    .at(-1)!;
  environment = { ...process.env, KUBECONFIG: kubeconfig };
  const istio = succeed(join(root, 'test/peer/istio-crds'), []).trim();
  succeed(kubectl, ['apply', '--server-side', '-f', istio]);
});

after(() => {
  if (!skip) run(join(root, 'test/peer/kube-apiserver'), ['stop', scratch]);
  rmSync(scratch, { recursive: true });
});

test('the chart has nothing for helm lint to say', { skip }, () => {
  for (const component of COMPONENTS)
    assert.match(
      succeed(helm, ['lint', '--strict', chart, '--set', `component=${component}`]),
      /0 chart\(s\) failed/,
    );
});

test('the chart renders objects that an API server takes strictly, with and without each option', {
  skip,
}, () => {
  for (const component of COMPONENTS)
    for (const options of [[], ['--set', EVERYTHING]]) {
      const rendered = succeed(helm, [...TEMPLATE, '--set', `component=${component}`, ...options]);
      succeed(kubectl, ['apply', '--dry-run=server', '--validate=strict', '-f', '-'], rendered);
    }
});

test('the chart and deploy/istio are valid for kubeconform, and what is wrong in them is not', {
  skip: skip || skipWithout('kubeconform'),
}, () => {
  const schemas = writeSchemas(
    join(scratch, 'schemas'),
    JSON.parse(succeed(kubectl, ['get', '--raw', '/openapi/v2'])) as OpenApi,
    JSON.parse(succeed(kubectl, ['get', 'crd', '-o', 'json'])) as CustomResourceDefinitions,
  );
  const kubeconform = (args: readonly string[], input?: string) =>
    run(findPeer('kubeconform')!, ['-strict', '-summary', '-schema-location', schemas, ...args], input);
  const assertValid = ({ status, output }: ReturnType<typeof run>) => {
    assert.match(output, /Summary: [1-9]\d* resources? found .* Invalid: 0, Errors: 0, Skipped: 0/);
    assert.equal(status, 0, output);
  };
  const render = (component: string, options: readonly string[]) =>
    succeed(helm, [...TEMPLATE, '--set', `component=${component}`, ...options]);
  for (const component of COMPONENTS)
    for (const options of [[], ['--set', EVERYTHING]])
      assertValid(kubeconform(['-'], render(component, options)));
  assertValid(kubeconform(['deploy/istio/destinationrule.yaml', 'deploy/istio/virtualservice.yaml']));
  assertValid(kubeconform(['deploy/istio/scenarios', 'deploy/kubernetes']));

  const deployment = render('server', []);
  const rules = readFileSync(join(root, 'deploy/istio/virtualservice.yaml'), 'utf8');
  for (const [text, message] of [
    [deployment.replace(/replicas: 1/, 'replicas: one'), /Deployment.*replicas.*want/s],
    [deployment.replace(/imagePullPolicy:/, 'imagePullPolice:'), /imagePullPolice.*not allowed/s],
    [rules.replace(/route:/, 'rout:'), /VirtualService.*'rout' not allowed/s],
    [rules.replace(/(host|hosts):.*/, '$1: 1'), /VirtualService.*want/s],
  ] as const) {
    const { status, output } = kubeconform(['-'], text);
    assert.match(output, message);
    assert.equal(status, 1, output);
  }
});

test('the chart keeps the admin port within the cluster where the gateway is seen from outside', {
  skip,
}, () => {
  const services = (type: string) => {
    const values = `component=gateway,service.type=${type}`;
    const { status, output } = run(helm, [...TEMPLATE, '--set', values]);
    assert.equal(status, 0, output);
    return parseAllDocuments(output)
      .map(
        (document) => document.toJS() as { kind: string; spec: { type: string; ports: { name: string }[] } },
      )
      .filter(({ kind }) => kind === 'Service')
      .map(({ spec }) => [spec.type, ...spec.ports.map(({ name }) => name)]);
  };
  assert.deepEqual(services('ClusterIP'), [['ClusterIP', 'http', 'http-admin']]);
  assert.deepEqual(services('LoadBalancer'), [
    ['LoadBalancer', 'http'],
    ['ClusterIP', 'http-admin'],
  ]);
});

test('the chart opens a second port of a gateway for servers with TLS', { skip }, () => {
  const values = 'component=gateway,gateway.name=edge,gateway.httpsPort=8443';
  const output = succeed(helm, [...TEMPLATE, '--set', values]);
  for (const line of [
    '- --port=8443=443',
    '- { name: https, containerPort: 8443 }',
    '- { name: https, port: 8443, targetPort: https, protocol: TCP }',
  ])
    assert.ok(output.includes(line), line);
});

test('the chart gives a gateway the rights that deploy/kubernetes gives, those beyond rbac.yaml where they are asked for', {
  skip,
}, () => {
  const rules = (text: string) => text.match(/^rules:\n(?:[ -].*\n)+/gm) ?? [];
  const wanted = (file: string) => rules(readFileSync(join(root, 'deploy/kubernetes', file), 'utf8'));
  const given = (...options: string[]) =>
    rules(
      succeed(helm, [...TEMPLATE, '--set', 'component=gateway', ...options, '-s', 'templates/rbac.yaml']),
    );
  assert.equal(wanted('rbac.yaml').length, 1);
  assert.deepEqual(given(), wanted('rbac.yaml'));
  assert.deepEqual(given('--set', 'gateway.secrets=true'), [
    ...wanted('rbac.yaml'),
    ...wanted('rbac-secrets.yaml'),
  ]);
});

test('the chart refuses wrong values and says which', { skip }, () => {
  const cases: Readonly<Record<string, RegExp>> = {
    'component=sidecar': /component.*must be one of 'server', 'client', 'gateway'/s,
    'version.labels.dubbogoAppVersion=v3': /dubbogoAppVersion.*must be one of 'v1', 'v2'/s,
    'replicaCount=-1': /replicaCount.*minimum/s,
    'imge.tag=1': /'imge' not allowed/,
    'service.port=70000': /service\/port.*maximum/s,
    'component=gateway,gateway.servicePort=70000': /gateway\/servicePort': maximum: got 70,000, want 65,535/,
    'component=gateway,gateway.servicePort=http': /gateway\/servicePort': 'http' does not match pattern/,
    'podDisruptionBudget.maxUnavailable=-1': /maxUnavailable': minimum: got -1, want 0/,
    'podDisruptionBudget.maxUnavailable=half':
      /maxUnavailable': 'half' does not match pattern '\^\[0-9\]\+%\$'/,
    'gateway.config=k8s://': /gateway\/config.*want array/s,
    'component=gateway,gateway.config=null': /Cannot run a gateway without rules: give gateway\.config/,
    'component=gateway,gateway.adminPort=8080':
      /Cannot use 8080 for both gateway\.port and gateway\.adminPort/,
    'component=gateway,gateway.httpsPort=8443': /Cannot use gateway\.httpsPort without a Gateway/,
    'component=gateway,gateway.name=edge,gateway.httpsPort=8080':
      /Cannot use 8080 for gateway\.httpsPort and another port/,
    'component=gateway,gateway.status=true,gateway.config={xds://istiod:15010}':
      /Cannot write a status without a cluster: add k8s:\/\/ to gateway\.config/,
    'component=gateway,gateway.secrets=true,gateway.config={/etc/rules}':
      /Cannot read Secrets without a cluster: add k8s:\/\/ to gateway\.config/,
  };
  for (const [value, message] of Object.entries(cases)) {
    const { status, output } = run(helm, [...TEMPLATE, '--set', value]);
    assert.notEqual(status, 0, value);
    assert.match(output, message);
    assert.equal(output.match(/^ *- at /gm)?.length ?? 1, 1, `one line for one value: ${output}`);
  }
});

test('the chart that is released names the image that is released', {
  skip: skipWithout('helm'),
}, () => {
  const copy = join(scratch, 'released');
  cpSync(chart, join(copy, 'deploy/chart'), { recursive: true });
  const { jobs } = parse(readFileSync(join(root, '.github/workflows/release.yaml'), 'utf8')) as {
    jobs: { chart: { steps: { run?: string }[] } };
  };
  const commands = jobs.chart.steps.flatMap(({ run }) =>
    run && !/helm (registry|push)/.test(run) ? [run] : [],
  );
  const { status, stderr } = spawnSync(
    'bash',
    ['-e', '-c', commands.join('\n').replaceAll('helm', '"$HELM"')],
    {
      cwd: copy,
      encoding: 'utf8',
      env: {
        ...process.env,
        HELM: helm,
        IMAGE: 'registry.example.com/Some/Pointsman',
        GITHUB_REF_NAME: 'v1.2.3',
      },
    },
  );
  assert.equal(status, 0, stderr);
  const packed = join(copy, 'pointsman-1.2.3.tgz');
  const rendered = succeed(helm, ['template', 'release', packed, '--kube-version', '1.34.0']);
  assert.match(rendered, /^ +image: "registry\.example\.com\/some\/pointsman:1\.2\.3"$/m);
});

test("the tutorial's rules are applied by kubectl as they stand", { skip }, () => {
  const scenarios = ['all-v1', 'user-admin', 'canary-90-10'].map(
    (name) => `deploy/istio/scenarios/${name}.yaml`,
  );
  for (const path of ['deploy/istio', ...scenarios])
    succeed(kubectl, ['apply', '--validate=strict', '-f', path]);
  assert.equal(field('vs/dubbo-go-server', '{.spec.http[0].route[*].weight}'), '90 10');
});

test('make deploy and remove work on four releases, of which two share a Service', { skip }, () => {
  make('deploy', 'dubbo-go-server-v1');
  make('deploy', 'dubbo-go-server-v2');
  make('deploy', 'dubbo-go-client', '--set client.headers[0].name=user,client.headers[0].value=admin');
  make('deploy', 'pointsman', '--set gateway.defaultHost=dubbo-go-server');
  assert.equal(
    field('deploy', '{range .items[*]}{.metadata.name} {end}'),
    'dubbo-go-client dubbo-go-server-v1 dubbo-go-server-v2 pointsman',
  );
  const owner = '{.metadata.annotations.meta\\.helm\\.sh/release-name}';
  assert.equal(field('svc/dubbo-go-server', owner), 'dubbo-go-server-v1');
  const selector = JSON.parse(field('svc/dubbo-go-server', '{.spec.selector}')) as Record<string, string>;
  for (const version of ['v1', 'v2']) {
    const labels = JSON.parse(
      field(`deploy/dubbo-go-server-${version}`, '{.spec.template.metadata.labels}'),
    ) as Record<string, string>;
    assert.equal(labels['dubbogoAppVersion'], version);
    for (const [name, value] of Object.entries(selector)) assert.equal(labels[name], value);
  }
  const client = '{.spec.template.spec.containers[0].env[?(@.name=="GREETER_HEADER")].value}';
  assert.equal(field('deploy/dubbo-go-client', client), 'user: admin');

  const image = '{.spec.template.spec.containers[0].image}';
  succeed(helm, ['upgrade', 'dubbo-go-server-v1', chart, '--reuse-values', '--set', 'image.tag=9.9.9']);
  assert.match(field('deploy/dubbo-go-server-v1', image), /:9\.9\.9$/);
  succeed(helm, ['rollback', 'dubbo-go-server-v1', '1']);
  assert.doesNotMatch(field('deploy/dubbo-go-server-v1', image), /:9\.9\.9$/);

  make('remove', 'dubbo-go-server-v1');
  assert.equal(field('svc/dubbo-go-server', '{.spec.ports[0].port}'), '20000', 'v2 needs its Service still');
  make('deploy', 'dubbo-go-server-v1');
  for (const name of ['dubbo-go-server-v1', 'dubbo-go-server-v2', 'dubbo-go-client', 'pointsman'])
    make('remove', name);
  assert.equal(
    field(
      'deploy,sa,clusterrole',
      '{range .items[?(@.metadata.annotations.meta\\.helm\\.sh/release-name)]}{.metadata.name}{end}',
    ),
    '',
  );
});

test('make deploy takes the version from the name, and refuses one that there is not', { skip }, () => {
  const { status, output } = run('make', [
    '-s',
    'deploy',
    `HELM=${helm}`,
    'HELM_INSTALL_NAME=dubbo-go-server-v3',
  ]);
  assert.notEqual(status, 0);
  assert.match(output, /dubbogoAppVersion.*must be one of 'v1', 'v2'/s);
});

test('the gateway of the chart may read what it needs, and nothing else', { skip }, () => {
  make('deploy', 'pointsman');
  const may = (verb: string, what: string) =>
    run(kubectl, [
      'auth',
      'can-i',
      verb,
      what,
      '--as',
      'system:serviceaccount:default:pointsman',
    ]).output.trim();
  for (const what of [
    'virtualservices.networking.istio.io',
    'services',
    'pods',
    'endpointslices.discovery.k8s.io',
  ])
    for (const verb of ['list', 'watch']) assert.match(may(verb, what), /^yes$/m, `${verb} ${what}`);
  for (const [verb, what] of [
    ['list', 'secrets'],
    ['get', 'services'],
    ['get', 'virtualservices.networking.istio.io'],
    ['list', 'configmaps'],
    ['update', 'virtualservices.networking.istio.io'],
    ['delete', 'pods'],
  ] as const)
    assert.match(may(verb, what), /^no$/m, `${verb} ${what}`);
  make('remove', 'pointsman');
});

test('the gateway of the chart without clusterWide reads its own namespace, as its role allows', {
  skip,
}, () => {
  make('deploy', 'pointsman', '--set rbac.clusterWide=false,gateway.defaultHost=dubbo-go-server');
  const args = JSON.parse(field('deploy/pointsman', '{.spec.template.spec.containers[0].args}')) as string[];
  assert.deepEqual(
    args.filter((each) => /^--(config|namespace|default-host)=/.test(each)),
    ['--config=k8s://?namespace=default', '--default-host=dubbo-go-server', '--namespace=default'],
  );
  const may = (...scope: string[]) =>
    run(kubectl, [
      ...['auth', 'can-i', 'list', 'services', '--as', 'system:serviceaccount:default:pointsman'],
      ...scope,
    ]).output;
  assert.match(may(), /^yes$/m);
  assert.match(may('--all-namespaces'), /^no$/m);
  make('remove', 'pointsman');
});

test('the chart keeps each value of a user in one argument', { skip }, () => {
  const values = ['--set', 'component=client,client.name=a: b,client.service=c # d'];
  const rendered = succeed(helm, [...TEMPLATE, ...values]);
  assert.match(rendered, /^ +- "--name=a: b"$/m);
  assert.match(rendered, /^ +- "--service=c # d"$/m);
});

test("docs/tutorial.md's commands for a cluster print what it says", { skip }, () => {
  const steps = stepsOf(readFileSync(join(root, 'docs/tutorial.md'), 'utf8')).filter(
    ({ note }) => note === 'in a cluster',
  );
  assert.ok(steps.length >= 15, `${steps.length} steps`);
  // What the tests before have left behind.
  run(kubectl, ['delete', 'service', 'dubbo-go-server']);
  run(kubectl, ['delete', '-f', 'deploy/istio']);
  const own = environment;
  environment = {
    ...own,
    HELM: helm,
    PATH: [dirname(kubectl), own['PATH']].join(delimiter),
  };
  try {
    for (const { command, wanted } of steps)
      assert.match(succeed('bash', ['-c', command]), patternOf(wanted), command);
  } finally {
    environment = own;
  }
});
