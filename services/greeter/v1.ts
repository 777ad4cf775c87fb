/**
 * Version 1 of the greeter: a Connect service, for any Connect router, in a process of its own or in the
 * gateway's. Imports the generated code and Connect's types.
 */
import type { ConnectRouter } from '@connectrpc/connect';
import { Greeter } from '../../gen/api/greeter_pb.ts';

/** Registers `api.Greeter` as version 1 answers it: `User{name: "Hello " + name, id: "v1.0.0"}`. */
export function routes(router: ConnectRouter): void {
  router.service(Greeter, {
    sayHello: (request) => ({ name: `Hello ${request.name}`, id: 'v1.0.0' }),
    async *sayHelloStream(requests) {
      for await (const request of requests) yield { name: `Hello ${request.name}`, id: 'v1.0.0' };
    },
  });
}
