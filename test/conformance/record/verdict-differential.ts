/**
 * Resources with something wrong, judged by istioctl's validation, by a real API server with Istio's definitions, and
 * by `router/verdict`:
 *
 *     test/peer/install.sh istio-oracle etcd kube-apiserver kubectl
 *     test/peer/kube-apiserver start /tmp/api 26443
 *     kubectl --kubeconfig /tmp/api/kubeconfig apply --server-side -f "$(test/peer/istio-crds)"
 *     npx node test/conformance/record/verdict-differential.ts [--kubeconfig /tmp/api/kubeconfig] [--seed N] [--cases N]
 *
 * Without `--kubeconfig` only Istio is asked. Nothing is kept in the cluster. Of each sort of difference the first is
 * printed, with what was changed in which kind of resource. The last line is `N passed, N failed, 0 skipped`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { verdicts } from '../../../router/verdict/index.ts';
import { findPeer } from '../../peer/find.ts';
import { mutate, type Written } from './generate/mutation.ts';
import { startPilot } from './pilot.ts';

const CORPUS = join(import.meta.dirname, '../corpus');
const PLURALS: Readonly<Record<string, string>> = {
  VirtualService: 'virtualservices',
  DestinationRule: 'destinationrules',
  ServiceEntry: 'serviceentries',
  WorkloadEntry: 'workloadentries',
  Gateway: 'gateways',
};

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kubeconfig: { type: 'string' },
      seed: { type: 'string', default: '1' },
      cases: { type: 'string', default: '300' },
    },
  });
  const oracle = findPeer('istio-oracle');
  if (!oracle) {
    console.error('It needs test/peer/install.sh istio-oracle');
    return 2;
  }
  const pilot = startPilot(oracle);
  const cluster = values.kubeconfig === undefined ? undefined : clusterOf(values.kubeconfig);
  let passed = 0;
  let failed = 0;
  const refused = { istio: 0, cluster: 0 };
  const sorts = new Set<string>();
  for (const { resource, changes } of mutate(corpus(), Number(values.seed), Number(values.cases))) {
    const text = JSON.stringify(resource);
    const [own] = verdicts(text);
    const [istio] = await pilot.validate(text);
    const differences: string[] = [];
    if (istio?.valid !== own?.istio.valid || (istio?.stage ?? '') !== (own?.istio.stage ?? ''))
      differences.push(
        `Istio says ${istio?.valid} ${istio?.stage ?? ''} ${istio?.error ?? ''}\n  we say ${own?.istio.valid} ${own?.istio.stage ?? ''} ${own?.istio.issues.map(({ message }) => message).join('; ')}`,
      );
    const applied = await cluster?.apply(resource, text);
    if (istio?.valid === false) refused.istio++;
    if (applied) refused.cluster++;
    if (applied !== undefined && (applied === '') !== own?.crd?.valid)
      differences.push(
        `the API server says ${applied || 'nothing against it'}\n  we say ${own?.crd?.valid} ${own?.crd?.issues.map(({ message }) => message).join('; ')}`,
      );
    if (differences.length === 0) passed++;
    else failed++;
    for (const each of differences) {
      const sort = `${resource.kind} ${each.replaceAll(/".*?"|\d+/g, '').slice(0, 90)}`;
      if (!sorts.has(sort)) console.log(`${resource.kind}: ${changes.join('; ')}\n  ${each}`);
      sorts.add(sort);
    }
  }
  pilot.close();
  cluster?.close();
  console.log(`refused ${refused.istio} by Istio, ${refused.cluster} by the API server`);
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  return failed > 0 ? 1 : 0;
}

/** The resources of the corpus's files that both take, so that what is refused is refused for the change. */
function corpus(): Written[] {
  return readdirSync(CORPUS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(CORPUS, name), 'utf8'), { version: '1.1' }))
    .filter((document) => 'errors' in document && document.errors.length === 0)
    .flatMap((document): Written[] => {
      const { apiVersion, kind, spec } = safely(() => document.toJS()) ?? { spec: null };
      if (PLURALS[String(kind)] === undefined) return [];
      const resource = { apiVersion, kind, metadata: { name: 'changed' }, spec };
      const [own] = verdicts(JSON.stringify(resource));
      return own?.istio.valid && own.crd?.valid ? [resource] : [];
    });
}

function safely(read: () => Written | null): Written | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** The API server that a kubeconfig of `test/peer/kube-apiserver` names. */
function clusterOf(path: string) {
  const { clusters, users } = parseYaml(readFileSync(path, 'utf8'));
  const { server, 'certificate-authority': authority } = clusters[0].cluster;
  const agent = new Agent({ keepAlive: true, ca: readFileSync(resolve(dirname(path), authority)) });
  const headers = { authorization: `Bearer ${users[0].user.token}`, 'content-type': 'application/json' };
  return {
    /** What is said against the resource; empty when it is taken. Applied as kubectl does, and not kept. */
    apply({ apiVersion, kind }: Written, text: string): Promise<string> {
      const place = `${server}/apis/${apiVersion}/namespaces/default/${PLURALS[String(kind)]}?dryRun=All&fieldValidation=Strict`;
      return new Promise((done, fail) => {
        const sent = request(place, { method: 'POST', agent, headers }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk) => {
            body += chunk;
          });
          response.on('end', () => done(response.statusCode === 201 ? '' : JSON.parse(body).message));
        });
        sent.on('error', fail);
        sent.end(text);
      });
    },
    close: () => agent.destroy(),
  };
}
