/** A worker that calls a greeter by rules of its own, over `fetch`; its rules come as a binding. */
import { ConnectError, createClient } from '@connectrpc/connect';
import { createRoutedTransport, textSource } from '../../client/index.ts';
import { Greeter } from '../../gen/api/greeter_pb.ts';

export default {
  async fetch(request: Request, env: { readonly RULES: string }): Promise<Response> {
    const { protocol, user = '' } = (await request.json()) as {
      readonly protocol: 'connect' | 'grpc-web';
      readonly user?: string;
    };
    const transport = createRoutedTransport({
      config: textSource('rules.yaml', env.RULES),
      baseUrl: 'http://greeter.example',
      protocol,
    });
    try {
      const { id } = await createClient(Greeter, transport).sayHello({}, { headers: { user } });
      return new Response(id);
    } catch (error) {
      return new Response(ConnectError.from(error).message);
    } finally {
      await transport.close();
    }
  },
};
