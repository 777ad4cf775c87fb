/** Resources of which Envoy refuses some, recorded by `test/conformance/record/refusal.ts`. */
import { stringify } from 'yaml';

/** One line of `refusal.json`: an http rule, or a trafficPolicy of the host that it goes to. */
export interface RefusalCase {
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly policy?: Readonly<Record<string, unknown>>;
  /** Istio takes it. */
  readonly istio?: boolean;
  /** Why Envoy refuses it; absent: it takes it. */
  readonly envoy?: string;
}

/** The resources; a long text is written as `LETTER*COUNT`. Claims are matched at a gateway. */
export function yamlOfRefusal({ rule = {}, policy }: RefusalCase): string {
  const answers = 'route' in rule || 'redirect' in rule || 'directResponse' in rule;
  const http = [{ ...(!answers && { route: [{ destination: { host: 'reviews' } }] }), ...rule }];
  const isAtGateway = JSON.stringify(rule).toLowerCase().includes('@request.auth');
  const servers = [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }];
  const documents = [
    resource('VirtualService', { hosts: ['reviews'], ...(isAtGateway && { gateways: ['reviews'] }), http }),
    ...(isAtGateway ? [resource('Gateway', { selector: { app: 'gateway' }, servers })] : []),
    ...(policy ? [resource('DestinationRule', { host: 'reviews', trafficPolicy: policy })] : []),
  ];
  return documents
    .map((each) => stringify(JSON.parse(JSON.stringify(each).replaceAll(/([a-z])\*(\d+)/g, repeated))))
    .join('---\n');
}

const repeated = (_: string, letter: string, count: string): string => letter.repeat(Number(count));

function resource(kind: string, spec: object): object {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind,
    metadata: { name: 'reviews', namespace: 'default' },
    spec,
  };
}
