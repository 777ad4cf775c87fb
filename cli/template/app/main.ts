/** The service behind its traffic rules, in one process: http://localhost:8080 speaks Connect, gRPC and gRPC-Web. */
import { fileURLToPath } from 'node:url';
import { createGateway, type Gateway } from 'pointsman/gateway';
import { routes as v1 } from './service/v1.ts';

/** The host that rules name, and its port. */
export const HOST = 'app-name';
export const PORT = 8080;

export function createApp(): Gateway {
  return createGateway({
    config: fileURLToPath(new URL('rules', import.meta.url)),
    services: [{ host: HOST, port: PORT, labels: { version: 'v1' }, handler: v1 }],
    defaultHost: HOST,
    log: (level, message) => console.log(`${level} ${message}`),
  });
}

if (import.meta.main) {
  const app = createApp();
  const { port } = await app.listen({ port: Number(process.env.PORT ?? PORT), servicePort: PORT });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void app.stop().then(() => process.exit(0)));
  console.log(`listening on http://localhost:${port}, rules in rules/ are followed as you save

  curl -H 'content-type: application/json' -d '{"name":"laurence"}' http://localhost:${port}/app_name.v1.AppNameService/SayHello
`);
}
