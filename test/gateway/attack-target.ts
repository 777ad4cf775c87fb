/** A gateway for others to attack, as a program: `attack-target.ts LIMITS` says its port. */
import { createGateway } from '../../gateway/index.ts';

const large = new Uint8Array(1024 * 1024);

const gateway = createGateway({
  defaultHost: 'page',
  services: [
    {
      host: 'page',
      port: 80,
      handler: {
        async fetch(request) {
          if (request.method === 'POST') await request.arrayBuffer();
          if (new URL(request.url).pathname === '/large') return new Response(large);
          return new Response('small', { headers: { 'content-length': '5' } });
        },
      },
    },
  ],
});
const { port } = await gateway.listen({ port: 0, limits: JSON.parse(process.argv[2] ?? '{}') });
console.log(port);
