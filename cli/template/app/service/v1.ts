/** Version 1. A second version is a file beside this one, one more entry in main.ts, and a subset in rules/. */
import type { ConnectRouter } from '@connectrpc/connect';
import { AppNameService } from '../gen/app_name/v1/app_name_pb.ts';

export function routes(router: ConnectRouter): void {
  router.service(AppNameService, {
    sayHello: ({ name }) => ({ message: `Hello ${name}`, version: 'v1' }),
  });
}
