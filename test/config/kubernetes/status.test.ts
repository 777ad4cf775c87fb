/** What is written to refused objects: the patches themselves, and how often they are sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubernetesApi, KubernetesError } from '../../../config/kubernetes/api.ts';
import { type Condition, type ObjectWithStatus, statusPatch } from '../../../config/kubernetes/condition.ts';
import { StatusWriter } from '../../../config/kubernetes/status.ts';

const NOW = '2026-01-02T00:00:00Z';
const BEFORE = '2026-01-01T00:00:00Z';
const PATH = '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/reviews';

const ours = (message: string, since: string, generation = 3): Condition => ({
  type: 'pointsman.dev/Accepted',
  status: 'False',
  reason: 'Refused',
  message,
  lastTransitionTime: since,
  observedGeneration: generation,
});
const OTHER: Condition = { type: 'Reconciled', status: 'True' };

function rule(conditions?: readonly Condition[], resourceVersion = '7'): ObjectWithStatus {
  return {
    metadata: { name: 'reviews', namespace: 'shop', uid: 'u1', generation: 3, resourceVersion },
    ...(conditions && { status: { conditions } }),
  };
}

for (const { name, conditions, refusal, want } of [
  { name: 'says nothing of an object that is taken', want: undefined },
  { name: 'adds why one is refused', refusal: 'no routes', want: [ours('no routes', NOW)] },
  {
    name: 'keeps what others say, and since when it is refused',
    conditions: [OTHER, ours('weights', BEFORE)],
    refusal: 'no routes',
    want: [OTHER, ours('no routes', BEFORE)],
  },
  {
    name: 'says the same of the next generation',
    conditions: [ours('no routes', BEFORE, 2)],
    refusal: 'no routes',
    want: [ours('no routes', BEFORE)],
  },
  {
    name: 'writes nothing that stands there',
    conditions: [ours('no routes', BEFORE)],
    refusal: 'no routes',
    want: undefined,
  },
  { name: 'takes back what no longer holds', conditions: [OTHER, ours('no routes', BEFORE)], want: [OTHER] },
  { name: 'leaves no empty list', conditions: [ours('no routes', BEFORE)], want: null },
])
  test(`statusPatch() ${name}`, () => {
    const patch = statusPatch(rule(conditions), refusal, NOW);
    assert.deepEqual(
      patch,
      want === undefined ? undefined : { metadata: { resourceVersion: '7' }, status: { conditions: want } },
    );
  });

/** A writer whose server answers as it is told; `turn` lets what is under way happen. */
function writer(answers: (KubernetesError | undefined)[] = []) {
  const paths: string[] = [];
  const reasons: (string | undefined)[] = [];
  const aborting = new AbortController();
  const api = {
    async patch(path: string) {
      paths.push(path);
      const answer = answers.shift();
      if (answer) throw answer;
    },
  } as unknown as KubernetesApi;
  const writing = new StatusWriter(
    api,
    { intervalMs: 0, retryMs: 1, stands: (reason) => reasons.push(reason) },
    aborting.signal,
  );
  const turn = () => new Promise((done) => setTimeout(done, 20));
  return { writing, paths, reasons, turn, stop: () => aborting.abort() };
}

test('StatusWriter does not contradict another replica twice', async () => {
  const { writing, paths, turn, stop } = writer();
  writing.seen(PATH, rule(), 'no routes');
  await turn();
  writing.seen(PATH, rule([ours('another opinion', NOW)], '8'), 'no routes');
  await turn();
  assert.deepEqual(paths, [`${PATH}/status`]);
  writing.seen(PATH, rule([ours('another opinion', NOW)], '9'), 'a new verdict');
  await turn();
  assert.equal(paths.length, 2);
  stop();
});

test('StatusWriter leaves an object that has changed meanwhile to its next version', async () => {
  const { writing, paths, reasons, turn, stop } = writer([new KubernetesError(409, 'HTTP 409: conflict')]);
  writing.seen(PATH, rule(), 'no routes');
  await turn();
  assert.deepEqual([paths.length, reasons], [1, []]);
  writing.seen(PATH, rule(undefined, '8'), 'no routes');
  await turn();
  assert.deepEqual([paths.length, reasons], [2, [undefined]]);
  stop();
});

test('StatusWriter says that it may not write, and tries again', async () => {
  const { writing, paths, reasons, turn, stop } = writer([new KubernetesError(403, 'HTTP 403: forbidden')]);
  writing.seen(PATH, rule(), 'no routes');
  await turn();
  assert.equal(paths.length, 2);
  assert.match(
    reasons[0] ?? '',
    /give it a role that may patch it \(deploy\/kubernetes\/rbac-status.yaml\): HTTP 403/,
  );
  assert.equal(reasons[1], undefined);
  stop();
});
