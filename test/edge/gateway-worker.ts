/** A worker that is a whole gateway: rules as text, both greeters in process, and a route of its own before them. */
import { createGateway, textSource } from '../../gateway/index.ts';
import { routes as v1 } from '../../services/greeter/v1.ts';
import { routes as v2 } from '../../services/greeter/v2.ts';

const RULES = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: greeter}
spec:
  host: greeter
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: greeter}
spec:
  hosts: [greeter]
  http:
  - match: [{headers: {user: {exact: admin}}}]
    route: [{destination: {host: greeter, subset: v2}}]
  - match: [{uri: {regex: '/old/(a|b)+'}}]
    redirect: {uri: /new}
  - route: [{destination: {host: greeter, subset: v1}}]
`;

const gateway = createGateway({
  config: textSource('rules.yaml', RULES),
  defaultHost: 'greeter',
  services: [
    { host: 'greeter', port: 80, labels: { version: 'v1' }, handler: v1 },
    { host: 'greeter', port: 80, labels: { version: 'v2' }, handler: v2 },
  ],
});
gateway.get('/own', (context) => context.text('mine'));

export default gateway;
