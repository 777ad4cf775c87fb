/**
 * The greeter in two versions behind the tutorial's rules, as `{ fetch }`: Connect, gRPC-Web and any HTTP, where native
 * gRPC would need a socket. One file for every runtime that serves by `fetch`:
 *
 *     wrangler deploy -c deploy/edge/wrangler.jsonc
 *     deno serve deploy/edge/app.ts
 *     bun deploy/edge/app.ts
 *     bun build --compile deploy/edge/app.ts --outfile greeter     # one program
 *
 * The rules come compiled, so that no YAML reader, schema or compiler ships: npm run compile:edge.
 */
import { createGateway } from '../../gateway/edge.ts';
import type { RouteTable } from '../../router/table/route-table.ts';
import { routes as v1 } from '../../services/greeter/v1.ts';
import { routes as v2 } from '../../services/greeter/v2.ts';
import table from './rules.json' with { type: 'json' };

const HOST = 'dubbo-go-server';
const PORT = 20000;

const gateway = createGateway({
  table: table as unknown as RouteTable,
  services: [
    { host: HOST, port: PORT, labels: { dubbogoAppVersion: 'v1' }, handler: v1 },
    { host: HOST, port: PORT, labels: { dubbogoAppVersion: 'v2' }, handler: v2 },
  ],
  // Every request is for the one service, whatever domain it came by.
  defaultHost: HOST,
  ownHosts: ['*'],
});

export default { fetch: (request: Request) => gateway.fetch(request) };
