import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import {
  compile,
  createReferenceRouter,
  lint,
  parse,
  type Service,
  validate,
} from '../../../router/index.ts';

const cases = resolve(import.meta.dirname, '../../conformance/corpus/cases');

interface RecordedRequest {
  readonly proto?: string;
  readonly port?: number;
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly scheme?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

test('lint() calls no rule dead that a recorded request takes', () => {
  let lost = 0;
  for (const name of readdirSync(cases)) {
    const { resources } = validate(parse(readFileSync(join(cases, name, 'config.yaml'), 'utf8')).resources);
    const world = JSON.parse(readFileSync(join(cases, name, 'case.json'), 'utf8'));
    const dead = lint(resources, { meshConfig: world.meshConfig ?? {} })
      .filter(({ code }) => ['rule-never-taken', 'match-never-taken', 'match-impossible'].includes(code))
      .map(({ resource, path = [] }) => ({ resource, index: path[2], match: path[4] }));
    lost += dead.length;
    const services = (world.services ?? []).map((service: Service, index: number) => ({
      ...service,
      addresses: [`10.96.0.${10 + index}`],
      endpoints: [],
    }));
    const { table } = compile(resources, {
      services,
      proxy: world.proxy ?? {},
      meshConfig: world.meshConfig ?? {},
    });
    const router = createReferenceRouter(table);
    for (const request of world.requests as readonly RecordedRequest[]) {
      const { rule } = router.route(
        {
          method: request.method ?? 'GET',
          scheme: request.scheme ?? 'http',
          authority: request.authority ?? '',
          path: request.path ?? '/',
          headers: (request.headers ?? []).map(([header, value]) => [header.toLowerCase(), value]),
          port: request.port ?? 80,
          http2: request.proto === 'h2',
        },
        () => 0,
      );
      const claim = dead.find(
        ({ resource, index, match }) =>
          resource?.name === rule?.name &&
          resource?.namespace === rule?.namespace &&
          index === rule?.index &&
          (match === undefined || match === rule?.matchIndex),
      );
      assert.equal(claim, undefined, `${name}: ${JSON.stringify(request)} takes ${JSON.stringify(rule)}`);
    }
  }
  assert.ok(lost > 20, 'the recorded rules hold some that are never taken');
});
