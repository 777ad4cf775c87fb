/** A worker that is a gateway before endpoints elsewhere, which it reaches by `fetch`; its rules come as a binding. */
import { createGateway, type Gateway, textSource } from '../../gateway/index.ts';

let gateway: Gateway | undefined;

export default {
  fetch(request: Request, env: { readonly RULES: string }): Response | Promise<Response> {
    gateway ??= createGateway({
      config: textSource('rules.yaml', env.RULES),
      defaultHost: 'greeter.example',
    });
    return gateway.fetch(request);
  },
};
