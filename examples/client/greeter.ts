/**
 * A client without a gateway: the rules of the tutorial say which greeter each call goes to. With the servers of
 * endpoints.yaml running:
 *
 *     bun examples/client/greeter.ts
 */
import { createClient } from '@connectrpc/connect';
import { createRoutedTransport } from '../../client/index.ts';
import { Greeter } from '../../gen/api/greeter_pb.ts';

/** Greets as anybody and as an admin. Returns who answered each. */
export async function greet(config: readonly string[]): Promise<readonly string[]> {
  const transport = createRoutedTransport({ config, baseUrl: 'http://dubbo-go-server:20000' });
  try {
    const greeter = createClient(Greeter, transport);
    const anybody = await greeter.sayHello({ name: 'laurence' });
    const admin = await greeter.sayHello({ name: 'laurence' }, { headers: { user: 'admin' } });
    return [anybody.id, admin.id];
  } finally {
    await transport.close();
  }
}

if (import.meta.main) console.log(await greet(['deploy/istio', 'examples/client/endpoints.yaml']));
