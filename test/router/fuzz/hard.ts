/** Rules that look at all that a request has, by patterns that are slow where a matcher is not careful. */
import type { RouteTable } from '../../../router/index.ts';
import { tableOf } from '../rules.ts';

/** The host that the rules are for, on port 80. */
export const HARD_HOST = 'greeter';

/** The rules' table. */
export function hardTable(): RouteTable {
  return tableOf(RULES);
}

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: hard}
spec:
  hosts: [greeter]
  http:
  - match:
    - uri: {regex: '(a+)+$'}
    - uri: {regex: '(.*a){12}'}
    - uri: {regex: '(/[^/]*)*x'}
    - uri: {regex: '(?i)(a|aa|aaa)*b'}
    - uri: {regex: '/.*/.*/.*/.*/z'}
    - uri: {regex: '([a-z]*/)*[0-9]{1,300}'}
    directResponse: {status: 201}
  - match:
    - headers: {cookie: {regex: '^(.*?;)?(\\s*user=a)(;.*)?$'}}
    - headers: {x-a: {regex: '(a*)*b'}, x-b: {exact: b}}
    - withoutHeaders: {x-a: {}, cookie: {prefix: b}, origin: {regex: '.*x'}}
      method: {regex: '(G|E|T)*x'}
    - authority: {regex: '(.*)*x'}
    directResponse: {status: 202}
  - match:
    - queryParams: {q: {regex: '(.*)*x'}, a: {}}
    - queryParams: {a: {exact: last}}
    redirect: {uri: /moved, authority: elsewhere, port: 8080}
  - match: [{uri: {prefix: /a}, ignoreUriCase: true}]
    rewrite: {uriRegexRewrite: {match: '(a|/)', rewrite: '\\1\\1'}, authority: b}
    headers:
      request: {set: {x-path: '%REQ(:PATH)%', x-all: '%REQ(x-a)%-%REQ(cookie)%'}, add: {x-a: more}, remove: [cookie]}
      response: {set: {x-seen: '%REQ(x-a)%'}}
    corsPolicy: {allowOrigins: [{regex: '(.*)*x'}, {prefix: http}], allowMethods: [GET], allowHeaders: [x-a]}
    fault: {abort: {httpStatus: 503, percentage: {value: 10}}, delay: {fixedDelay: 1s, percentage: {value: 10}}}
    mirrors: [{destination: {host: other}, percentage: {value: 50}}]
    route:
    - {destination: {host: greeter, subset: v1}, weight: 30, headers: {request: {set: {x-a: '%REQ(x-a)%'}}}}
    - {destination: {host: other}, weight: 70}
  - rewrite: {uri: /}
    route: [{destination: {host: greeter, subset: v2}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hard}
spec:
  host: greeter
  trafficPolicy:
    loadBalancer: {consistentHash: {httpCookie: {name: user, ttl: 10s}}}
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: a}}}}
`;
