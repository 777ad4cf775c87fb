/**
 * gRPC's health checking protocol: what Kubernetes probes, load balancers and `grpcurl` ask a server. Holds
 * one status per service name, the empty name being the server as a whole. Imports the generated code and
 * Connect's types. Connect has no health package for TypeScript, and those of other gRPC libraries bring a
 * server of their own.
 *
 * Source: grpc/grpc:doc/health-checking.md, grpc/grpc-proto:grpc/health/v1/health.proto
 */
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../gen/grpc/health/v1/health_pb.ts';

export { ServingStatus };

/** More services than this make `List` fail, as the protocol says. */
const maxListed = 100;

export interface Health {
  /** Registers `grpc.health.v1.Health` on a router. */
  routes(router: ConnectRouter): void;
  /** Sets one service's status, or that of the whole server for `''`. Without effect after `shutDown`. */
  set(service: string, status: ServingStatus): void;
  /**
   * Makes every service NOT_SERVING for good. Watchers are told so and their streams end, for a watch never
   * ends by itself and would hold up a drain until its limit.
   */
  shutDown(): void;
}

/** Returns a health service in which the server and each of `services` (full names) is SERVING. */
export function createHealth(services: Iterable<string>): Health {
  const statuses = new Map<string, ServingStatus>([['', ServingStatus.SERVING]]);
  for (const service of services) statuses.set(service, ServingStatus.SERVING);
  const waiting = new Set<() => void>();
  let over = false;

  const changed = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  const wakeAll = () => {
    for (const wake of [...waiting]) wake();
  };

  return {
    set(service, status) {
      if (over) return;
      statuses.set(service, status);
      wakeAll();
    },

    shutDown() {
      over = true;
      for (const service of statuses.keys()) statuses.set(service, ServingStatus.NOT_SERVING);
      wakeAll();
    },

    routes(router) {
      router.service(HealthService, {
        check(request) {
          const status = statuses.get(request.service);
          if (status === undefined) {
            throw new ConnectError(`unknown service: "${request.service}"`, Code.NotFound);
          }
          return { status };
        },

        list() {
          if (statuses.size > maxListed) {
            throw new ConnectError(
              `cannot list ${statuses.size} services: at most ${maxListed}`,
              Code.ResourceExhausted,
            );
          }
          return { statuses: Object.fromEntries([...statuses].map(([name, status]) => [name, { status }])) };
        },

        async *watch(request, { signal }) {
          let told: ServingStatus | undefined;
          while (!signal.aborted) {
            const status = statuses.get(request.service) ?? ServingStatus.SERVICE_UNKNOWN;
            if (status !== told) {
              told = status;
              yield { status };
            } else if (over) {
              return;
            } else {
              // No await lies between reading the status and this, so no change is missed.
              await changed(signal);
            }
          }
        },
      });
    },
  };
}
