/**
 * The admin port: health, what is loaded, where requests can go and why, and the endpoints that change rules at
 * run time. A Hono app without a socket of its own; whoever listens says whether it is on loopback.
 */
import { Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { consoleRoutes } from './console/index.ts';
import { page } from './console/page.ts';
import { explainHandler } from './explain.ts';
import { type GuardOptions, guard } from './guard.ts';
import { resourceRoutes } from './resource.ts';
import type { AdminTarget } from './target.ts';

export type { GuardOptions as AdminOptions } from './guard.ts';
export type { AdminTarget } from './target.ts';

/** The console's own files and nothing else, within no other page. */
const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The app for the admin port of a gateway. */
export function createAdmin(target: AdminTarget, options: GuardOptions): Hono {
  const app = new Hono();
  app.use((context, next) => {
    // Before the answer is made: Bun forgets the type of a text that is given headers afterwards.
    context.header('cache-control', 'no-store');
    context.header('x-content-type-options', 'nosniff');
    context.header('content-security-policy', CONTENT_POLICY);
    context.header('referrer-policy', 'no-referrer');
    return next();
  });
  app.use(guard(options));
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (context, methods) => {
        const allow = methods.join(', ');
        const error = `Cannot ${context.req.method} ${context.req.path}: it takes ${allow}`;
        return context.json({ error }, 405, { allow });
      },
    }),
  );
  app.get('/', (context) => context.html(page()));
  app.route('/console', consoleRoutes(target));
  app.get('/healthz', (context) => context.text('ok\n'));
  app.get('/readyz', (context) => {
    const readiness = target.readiness();
    return readiness === 'ready'
      ? context.text('ready\n')
      : context.text(`not ready: ${readiness.reason}\n`, 503);
  });
  app.get('/metrics', async (context) => {
    const { contentType, text } = await target.metrics();
    return context.body(text, 200, { 'content-type': contentType });
  });
  app.get('/config', (context) => {
    const { version, states, issues } = target.store.current();
    return context.json({
      version,
      sources: target.store.sources(),
      resources: states,
      issues: [...issues, ...target.compileIssues()],
      ports: target.ports(),
    });
  });
  app.get('/clusters', (context) => context.json({ clusters: target.clusters() }));
  app.get('/mirrors', (context) => context.json(target.mirrors()));
  app.get('/explain', explainHandler(target));
  app.route('/resources', resourceRoutes(target.store));
  app.notFound((context) =>
    context.json(
      { error: `Cannot find ${context.req.method} ${context.req.path}: / lists what is here` },
      404,
    ),
  );
  return app;
}
