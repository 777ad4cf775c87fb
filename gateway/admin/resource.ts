/** Resources over HTTP: list, read, lay over the sources, take away. What `apply`, `delete` and `get` speak. */
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import * as z from 'zod/mini';
import { type Reading, readText } from '../../config/document.ts';
import { APPLIED, type ConfigStore } from '../../config/store.ts';
import { type Issue, type Resource, resourceKey } from '../../router/index.ts';
import { MAX_BYTES } from '../../router/parse/document.ts';

/** Largest body for one resource. Kubernetes itself takes none above 1.5 MiB. */
export const MAX_RESOURCE_BYTES = 2 * 1024 * 1024;

/** Keys in a DELETE of several are far shorter than the resources they name. */
const MAX_KEYS_BYTES = MAX_RESOURCE_BYTES;

const deletion = z.strictObject({
  keys: z.array(z.string().check(z.regex(/^[^/]+\/[^/]+\/[^/]+$/))).check(z.minLength(1)),
});

/**
 * - `GET /`: `{ resources }`, all in effect.
 * - `PUT /` (YAML or JSON, documents or a `kind: List`): all of them as one change, `{ resources: [{ key, outcome }],
 *   issues }` with 200. If anything is refused nothing changes: 422 with `{ error, issues }`; 400 when there is no
 *   resource in the body. With `if-match: "VERSION"`, that of the configuration: 412 where it is another
 *   one by now, else with the `version` that is in effect after it.
 * - `DELETE /` (`{ "keys": ["KIND/NAMESPACE/NAME", …] }`): all of them as one change, `{ resources: [{ key, outcome,
 *   restored?, hidden? }] }`; one that is not there is `not-found` and does not hold up the others.
 * - `GET /KIND/NAMESPACE/NAME`: one, or 404.
 * - `PUT` (one resource): `{ key, outcome, issues }` with 200 or, when created, 201; 422 as above; 400 when the body
 *   is not the resource that the path names.
 * - `DELETE`: `{ key, outcome, restored?, hidden? }`, or 404.
 */
export function resourceRoutes(store: ConfigStore): Hono {
  return new Hono()
    .use(async (context, next) => {
      const { method } = context.req;
      if (store.current().table === undefined || (method !== 'PUT' && method !== 'DELETE')) return next();
      return context.json(
        {
          error:
            'Cannot change resources here: the rules come from a control plane, which knows nothing of them; apply them to its cluster',
        },
        409,
      );
    })
    .get('/', (context) => context.json({ resources: store.current().resources.map(toManifest) }))
    .put('/', limited(MAX_BYTES), async (context) => {
      const { resources, issues, refused } = await readBody(context);
      if (refused.length > 0 || hasErrors(issues)) {
        const error = 'Cannot take the resources: not all of them are valid, so nothing was changed';
        return context.json({ error, issues }, 422);
      }
      if (resources.length === 0)
        return context.json({ error: 'Cannot take the body: it holds no resource that routes', issues }, 400);
      const match = context.req.header('if-match');
      if (match === undefined) return context.json({ ...(await store.apply(resources)), issues });
      const version = Number(/^"(\d+)"$/.exec(match)?.[1] ?? -1);
      const changed = await store.changeAt(version, () => ({ lay: resources }));
      return changed
        ? context.json({ resources: changed.resources, issues, version: store.current().version })
        : changedMeanwhile(context, store.current().version);
    })
    .delete('/', limited(MAX_KEYS_BYTES), async (context) => {
      const asked = deletion.safeParse(await context.req.json().catch(() => undefined));
      if (!asked.success)
        return context.json(
          { error: 'Cannot tell what to delete: send {"keys": ["KIND/NAMESPACE/NAME"]} as JSON' },
          400,
        );
      return context.json({ resources: await store.deleteAll(asked.data.keys) });
    })
    .get('/:kind/:namespace/:name', (context) => {
      const key = keyOf(context);
      const found = store.current().resources.find((resource) => resourceKey(resource) === key);
      return found === undefined ? notFound(context, key) : context.json(toManifest(found));
    })
    .put('/:kind/:namespace/:name', limited(MAX_RESOURCE_BYTES), async (context) => {
      const key = keyOf(context);
      const { resources, issues, refused } = await readBody(context);
      if (hasErrors(issues))
        return context.json({ error: `Cannot take ${key}: it is not valid`, issues }, 422);
      const [resource] = resources;
      if (resource === undefined || resources.length + refused.length !== 1)
        return context.json({ error: `Cannot take ${key}: the body has to hold exactly one resource` }, 400);
      const held = resourceKey(resource);
      if (held !== key)
        return context.json(
          { error: `Cannot take ${key}: the body holds ${held}; name the same in both` },
          400,
        );
      const [result] = (await store.apply([resource])).resources;
      return context.json({ ...result, issues }, result?.outcome === 'created' ? 201 : 200);
    })
    .delete('/:kind/:namespace/:name', async (context) => {
      const result = await store.delete(keyOf(context));
      return result.outcome === 'not-found' ? notFound(context, result.key) : context.json(result);
    });
}

function limited(maxBytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBytes,
    onError: (context) =>
      context.json({ error: `Cannot take the body: it is over the limit of ${maxBytes} bytes` }, 413),
  });
}

async function readBody(context: Context): Promise<Reading> {
  return readText(new Uint8Array(await context.req.arrayBuffer()), APPLIED);
}

function hasErrors(issues: readonly Issue[]): boolean {
  return issues.some(({ severity }) => severity === 'error');
}

/** The resource as `kubectl get -o json` would print it, as far as we read it. */
export function toManifest(resource: Resource): Record<string, unknown> {
  const { apiVersion, kind, metadata, spec } = resource;
  return { apiVersion, kind, metadata, spec };
}

/** 412: somebody else was faster. */
export function changedMeanwhile(context: Context, version: number): Response {
  const error = `Cannot change the rules: they have changed meanwhile, and are at version ${version} now; look at them and try again`;
  return context.json({ error, version }, 412);
}

function keyOf(context: Context<object, '/:kind/:namespace/:name'>): string {
  const { kind, namespace, name } = context.req.param();
  return `${kind}/${namespace}/${name}`;
}

function notFound(context: Context, key: string): Response {
  return context.json({ error: `Cannot find ${key}: no such resource is in effect` }, 404);
}
