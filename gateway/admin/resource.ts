/** Resources over HTTP: list, read, lay over the sources, take away. What `apply`, `delete` and `get` speak. */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { readText } from '../../config/document.ts';
import { APPLIED, type ConfigStore } from '../../config/store.ts';
import { type Resource, resourceKey } from '../../router/index.ts';

/** Largest body of a PUT. Kubernetes itself takes no resource above 1.5 MiB. */
export const MAX_RESOURCE_BYTES = 2 * 1024 * 1024;

/**
 * - `GET /`: `{ resources }`, all in effect.
 * - `GET /KIND/NAMESPACE/NAME`: one, or 404.
 * - `PUT` (YAML or JSON, one resource): `{ key, outcome, issues }` with 200 or, when created, 201; refused as
 *   invalid with 422 and `{ error, issues }`; 400 when the body is not the resource that the path names.
 * - `DELETE`: `{ key, outcome, restored?, hidden? }`, or 404.
 */
export function resourceRoutes(store: ConfigStore): Hono {
  const limit = bodyLimit({
    maxSize: MAX_RESOURCE_BYTES,
    onError: (context) =>
      context.json(
        { error: `Cannot take the body: it is over the limit of ${MAX_RESOURCE_BYTES} bytes` },
        413,
      ),
  });
  return new Hono()
    .get('/', (context) => context.json({ resources: store.current().resources.map(toManifest) }))
    .get('/:kind/:namespace/:name', (context) => {
      const key = keyOf(context);
      const found = store.current().resources.find((resource) => resourceKey(resource) === key);
      return found === undefined ? notFound(context, key) : context.json(toManifest(found));
    })
    .put('/:kind/:namespace/:name', limit, async (context) => {
      const key = keyOf(context);
      const { resources, issues, refused } = readText(
        new Uint8Array(await context.req.arrayBuffer()),
        APPLIED,
      );
      if (issues.some(({ severity }) => severity === 'error'))
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

/** The resource as `kubectl get -o json` would print it, as far as we read it. */
export function toManifest(resource: Resource): Record<string, unknown> {
  const { apiVersion, kind, metadata, spec } = resource;
  return { apiVersion, kind, metadata, spec };
}

function keyOf(context: Context<object, '/:kind/:namespace/:name'>): string {
  const { kind, namespace, name } = context.req.param();
  return `${kind}/${namespace}/${name}`;
}

function notFound(context: Context, key: string): Response {
  return context.json({ error: `Cannot find ${key}: no such resource is in effect` }, 404);
}
