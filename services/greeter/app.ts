/**
 * A greeter as it is deployed: one version of `api.Greeter`, with the health and reflection services that
 * tools and orchestrators ask. It is a Connect router's worth of routes, without a port: server.ts puts it on
 * one, and a program may as well serve it in process.
 */
import type { ConnectRouter } from '@connectrpc/connect';
import { Greeter } from '../../gen/api/greeter_pb.ts';
import { createHealth, type Health } from '../health/health.ts';
import { reflectionRoutes } from '../reflection/reflection.ts';
import { routes as v1 } from './v1.ts';
import { routes as v2 } from './v2.ts';

/** The versions there are, as the label `dubbogoAppVersion` names them. */
export const greeterVersions = ['v1', 'v2'] as const;
export type GreeterVersion = (typeof greeterVersions)[number];

export interface GreeterApp {
  readonly version: GreeterVersion;
  /** Serving from the start; `health.shutDown()` is the first step of a drain. */
  readonly health: Health;
  /** Registers the greeter, `grpc.health.v1.Health` and both versions of `grpc.reflection` on a router. */
  routes(router: ConnectRouter): void;
}

const greeters: Readonly<Record<GreeterVersion, (router: ConnectRouter) => void>> = { v1, v2 };

/** Returns a new greeter with a health of its own. */
export function createGreeter(version: GreeterVersion): GreeterApp {
  const health = createHealth([Greeter.typeName]);
  return {
    version,
    health,
    routes(router) {
      greeters[version](router);
      health.routes(router);
      reflectionRoutes(() => router.handlers.map((handler) => handler.service))(router);
    },
  };
}
