/**
 * The console: a page where people look at live traffic, try requests and change rules. The page is made here, its script
 * and style come from `asset.ts`, and what it shows it asks for by the paths below and the admin port's own.
 */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { dump } from 'js-yaml';
import * as z from 'zod/mini';
import en from 'zod/v4/locales/en.js';
import { APPLIED } from '../../../config/store.ts';
import { resourceKey } from '../../../router/index.ts';
import { MAX_BYTES } from '../../../router/parse/document.ts';
import { changedMeanwhile, toManifest } from '../resource.ts';
import type { AdminTarget } from '../target.ts';
import { SCRIPT, STYLE } from './asset.ts';
import { History } from './history.ts';
import { reviewText } from './review.ts';
import { send, sending } from './send.ts';
import { TrafficView } from './traffic.ts';

const restoring = z.strictObject({ version: z.int(), at: z.int() });

/**
 * - `GET /rules`, `GET /traffic`: the rules as a tree, and the counts on them.
 * - `GET /text/KIND/NAMESPACE/NAME`: one resource as YAML; its `etag` is the version of the configuration.
 * - `POST /review` (YAML): what the text would do; changes nothing.
 * - `POST /send`: a request through the gateway, and its answer.
 * - `GET /history`, `POST /restore` (`{ version, at }`): the versions, and the way back to one; 412 when another one
 *   than `at` is in effect by now.
 */
export function consoleRoutes(target: AdminTarget): Hono {
  const { store } = target;
  const view = new TrafficView(target.traffic, () => target.table());
  const history = new History(store);
  const limited = bodyLimit({
    maxSize: MAX_BYTES,
    onError: (context) =>
      context.json({ error: `Cannot take the body: it is over the limit of ${MAX_BYTES} bytes` }, 413),
  });
  return new Hono()
    .get('/script.js', (context) =>
      context.body(SCRIPT, 200, { 'content-type': 'text/javascript; charset=utf-8' }),
    )
    .get('/style.css', (context) => context.body(STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }))
    .get('/rules', (context) => context.json(view.rules()))
    .get('/traffic', (context) => context.json(view.report()))
    .get('/text/:kind/:namespace/:name', (context) => {
      const { kind, namespace, name } = context.req.param();
      const { resources, version } = store.current();
      const key = `${kind}/${namespace}/${name}`;
      const found = resources.find((resource) => resourceKey(resource) === key);
      if (!found) return context.json({ error: `Cannot find ${key}: no such resource is in effect` }, 404);
      return context.text(dump(toManifest(found), { noRefs: true, skipInvalid: true }), 200, {
        etag: `"${version}"`,
      });
    })
    .post('/review', limited, async (context) =>
      context.json(
        await reviewText(new Uint8Array(await context.req.arrayBuffer()), store.current(), APPLIED),
      ),
    )
    .post('/send', limited, async (context) => {
      const asked = sending.safeParse(await context.req.json().catch(() => undefined), {
        error: en().localeError,
      });
      if (!asked.success) return context.json({ error: `Cannot send: ${z.prettifyError(asked.error)}` }, 400);
      try {
        return context.json(await send(asked.data, (request) => target.send(request)));
      } catch (error) {
        return context.json({ error: `Cannot send: ${(error as Error).message}` }, 400);
      }
    })
    .get('/history', (context) => context.json({ versions: history.entries() }))
    .post('/restore', limited, async (context) => {
      if (store.current().table !== undefined)
        return context.json({ error: 'Cannot go back here: the rules come from a control plane' }, 409);
      const asked = restoring.safeParse(await context.req.json().catch(() => undefined));
      if (!asked.success)
        return context.json({ error: 'Cannot tell where to go back to: send {"version": 3, "at": 4}' }, 400);
      const { version, at } = asked.data;
      if (history.wayBack(version, store.current()) === undefined)
        return context.json({ error: `Cannot go back to version ${version}: it is not kept` }, 404);
      const result = await store.changeAt(at, (current) => history.wayBack(version, current) ?? {});
      return result ? context.json(result) : changedMeanwhile(context, store.current().version);
    });
}
