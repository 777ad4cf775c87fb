/** Texts of any size that would show work growing faster than the text. */
import { compile, type Kind, parse, validate, verdicts } from '../../../router/index.ts';
import type { Family } from './growth.ts';

const text = (name: string, make: (count: number) => string): Family => ({
  name,
  make: (size) => {
    const one = make(1).length;
    const two = make(2).length;
    const each = Math.max(1, two - one);
    const input = make(Math.ceil(size / each));
    return () => {
      const { resources } = parse(input);
      compile(validate(resources).resources);
      verdicts(input);
    };
  },
});

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

const resource = (kind: Kind, spec: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: a}\nspec:\n${spec}`;

/** Texts: of YAML's own shapes, then long lists of everything that a resource may have many of. */
export const TEXT_FAMILIES: readonly Family[] = [
  ...[
    '[',
    '{',
    '{a: ',
    '[[',
    '- ',
    '? ',
    ': ',
    '!!str ',
    '&a ',
    '*a ',
    '"',
    "'",
    '\\',
    '|\n',
    '> ',
    '#',
    ' ',
    '\n',
    '\r',
  ].map((part) => text(`${JSON.stringify(part)} repeated`, (count) => part.repeat(count))),
  ...[
    '---\n',
    '...\n',
    '--- a\n',
    '%A b\n',
    'a:',
    'a: ',
    'a:\n',
    'a: b\n',
    '<<: {a: b}\n',
    '\u0000',
    '\u0085',
    '1:',
    '1_',
  ].map((part) => text(`${JSON.stringify(part)} repeated`, (count) => part.repeat(count))),
  ...[
    '- a\n',
    '- - ',
    '"a\\\n',
    '"\\u00',
    'a: "\\x',
    '- [a, b]\n',
    '{a: b, ',
    '[a, ',
    ',',
    ']',
    '}',
    '\ta',
    'a\n\tb\n',
    'é',
    '😀',
  ].map((part) => text(`${JSON.stringify(part)} repeated`, (count) => part.repeat(count))),
  text('different keys', (count) => lines(count, (index) => `k${index}: v`)),
  text('anchors and aliases', (count) => `a: &a b\n${lines(count, (index) => `k${index}: *a`)}`),
  text('anchors without end', (count) => lines(count, (index) => `k${index}: &a${index} v`)),
  text('merges of one map', (count) => `a: &a {b: c}\nd:\n${lines(count, () => '- <<: *a')}`),
  text('nesting by indentation', (count) => {
    const depth = Math.floor(Math.sqrt(2 * count));
    return lines(depth, (index) => `${' '.repeat(index)}a:`);
  }),
  text('a number', (count) => `a: ${'1'.repeat(count)}`),
  text('a number in base 60', (count) => `a: 1${':1'.repeat(count)}`),
  text('a number with underscores', (count) => `a: 1${'_1'.repeat(count)}x`),
  text('a number with an exponent', (count) => `a: 1.${'1'.repeat(count)}e+x`),
  text('binary', (count) => `a: !!binary ${'AAAA'.repeat(count)}=`),
  text('many resources', (count) =>
    lines(
      count,
      (index) =>
        `---\n${resource('VirtualService', `  hosts: [a${index}]`).replace('name: a', `name: a${index}`)}`,
    ),
  ),
  text('one resource many times', (count) =>
    lines(count, () => `---\n${resource('VirtualService', '  hosts: [a]')}`),
  ),
  text(
    'a list of resources',
    (count) =>
      `apiVersion: v1\nkind: List\nitems:\n${lines(count, (index) => `- {apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: a${index}}, spec: {servers: []}}`)}`,
  ),
  ...[
    ['hosts', (index: number) => `  - a${index}.example.com`, '  hosts:\n'],
    ['equal hosts', () => '  - a.example.com', '  hosts:\n'],
    ['wildcard hosts', (index: number) => `  - "*.a${index}.example.com"`, '  hosts:\n'],
    ['gateways', (index: number) => `  - a/b${index}`, '  hosts: [a]\n  gateways:\n'],
    [
      'exact routes',
      (index: number) => `  - {match: [{uri: {exact: /a${index}}}], route: [{destination: {host: a}}]}`,
      '  hosts: [a]\n  http:\n',
    ],
    [
      'equal routes',
      () => '  - {match: [{uri: {exact: /a}}], route: [{destination: {host: a}}]}',
      '  hosts: [a]\n  http:\n',
    ],
    [
      'prefix routes',
      (index: number) => `  - {match: [{uri: {prefix: /a${index}/}}], route: [{destination: {host: a}}]}`,
      '  hosts: [a]\n  http:\n',
    ],
    [
      'regex routes',
      (index: number) => `  - {match: [{uri: {regex: "/a${index}/.*"}}], route: [{destination: {host: a}}]}`,
      '  hosts: [a]\n  http:\n',
    ],
    ['routes for everything', () => '  - {route: [{destination: {host: a}}]}', '  hosts: [a]\n  http:\n'],
    ['routes without anything', () => '  - {}', '  hosts: [a]\n  http:\n'],
    [
      'matches',
      (index: number) => `    - {uri: {prefix: /a${index}/}}`,
      '  hosts: [a]\n  http:\n  - route: [{destination: {host: a}}]\n    match:\n',
    ],
    [
      'equal matches',
      () => '    - {uri: {prefix: /a/}}',
      '  hosts: [a]\n  http:\n  - route: [{destination: {host: a}}]\n    match:\n',
    ],
    [
      'header conditions',
      (index: number) => `        x-${index}: {exact: a}`,
      '  hosts: [a]\n  http:\n  - route: [{destination: {host: a}}]\n    match:\n    - headers:\n',
    ],
    [
      'destinations',
      (index: number) => `    - {destination: {host: a${index}}, weight: 1}`,
      '  hosts: [a]\n  http:\n  - route:\n',
    ],
    ['unknown fields', (index: number) => `  field${index}: a`, '  hosts: [a]\n'],
    ['wrong types', () => '  - 5', '  hosts:\n'],
    [
      'mirrors',
      (index: number) => `    - {destination: {host: a${index}}}`,
      '  hosts: [a]\n  http:\n  - route: [{destination: {host: a}}]\n    mirrors:\n',
    ],
    [
      'origins',
      (index: number) => `      - {exact: "http://a${index}"}`,
      '  hosts: [a]\n  http:\n  - route: [{destination: {host: a}}]\n    corsPolicy:\n      allowOrigins:\n',
    ],
    [
      'header changes',
      (index: number) => `          x-${index}: "%REQ(x)%"`,
      '  hosts: [a]\n  http:\n  - route: [{destination: {host: a}}]\n    headers:\n      request:\n        set:\n',
    ],
    [
      'tls routes',
      (index: number) =>
        `  - {match: [{port: 443, sniHosts: [a${index}.example.com]}], route: [{destination: {host: a}}]}`,
      '  hosts: ["*.example.com"]\n  tls:\n',
    ],
    [
      'tcp routes',
      (index: number) => `  - {match: [{port: ${index % 60000}}], route: [{destination: {host: a}}]}`,
      '  hosts: [a]\n  tcp:\n',
    ],
  ].map(([name, line, head]) =>
    text(`${name} of a VirtualService`, (count) =>
      resource('VirtualService', `${head}${lines(count, line as (index: number) => string)}`),
    ),
  ),
  ...[
    [
      'subsets',
      (index: number) => `  - {name: v${index}, labels: {version: v${index}}}`,
      '  host: a\n  subsets:\n',
    ],
    ['equal subsets', () => '  - {name: v, labels: {version: v}}', '  host: a\n  subsets:\n'],
    [
      'port settings',
      (index: number) => `    - {port: {number: ${index % 60000}}, loadBalancer: {simple: RANDOM}}`,
      '  host: a\n  trafficPolicy:\n    portLevelSettings:\n',
    ],
    [
      'localities',
      (index: number) => `        - {from: "a/b${index}/*", to: {"a/b/*": 100}}`,
      '  host: a\n  trafficPolicy:\n    loadBalancer:\n      localityLbSetting:\n        distribute:\n',
    ],
  ].map(([name, line, head]) =>
    text(`${name} of a DestinationRule`, (count) =>
      resource('DestinationRule', `${head}${lines(count, line as (index: number) => string)}`),
    ),
  ),
  ...[
    [
      'endpoints',
      (index: number) => `  - {address: 10.0.${(index >> 8) & 255}.${index & 255}}`,
      '  hosts: [a.com]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n  resolution: STATIC\n  endpoints:\n',
    ],
    [
      'ports',
      (index: number) => `  - {number: ${1 + (index % 60000)}, name: http-${index}, protocol: HTTP}`,
      '  hosts: [a.com]\n  resolution: DNS\n  ports:\n',
    ],
    [
      'hosts',
      (index: number) => `  - a${index}.com`,
      '  ports: [{number: 80, name: http, protocol: HTTP}]\n  resolution: DNS\n  hosts:\n',
    ],
    [
      'addresses',
      (index: number) => `  - 10.0.${(index >> 8) & 255}.${index & 255}`,
      '  hosts: [a.com]\n  ports: [{number: 80, name: http, protocol: TCP}]\n  addresses:\n',
    ],
  ].map(([name, line, head]) =>
    text(`${name} of a ServiceEntry`, (count) =>
      resource('ServiceEntry', `${head}${lines(count, line as (index: number) => string)}`),
    ),
  ),
  ...[
    [
      'servers',
      (index: number) =>
        `  - {port: {number: ${1 + (index % 60000)}, name: http-${index}, protocol: HTTP}, hosts: [a${index}.com]}`,
      '  servers:\n',
    ],
    [
      'hosts',
      (index: number) => `    - a${index}.com`,
      '  servers:\n  - port: {number: 80, name: http, protocol: HTTP}\n    hosts:\n',
    ],
  ].map(([name, line, head]) =>
    text(`${name} of a Gateway`, (count) =>
      resource('Gateway', `${head}${lines(count, line as (index: number) => string)}`),
    ),
  ),
  ...['a', '(a', 'a|', '[a', 'a*', '(a*)*', '\\', '.*', 'a{9}', '(?i)', '\\pL', '[^a]'].map((part) =>
    text(`the regex ${JSON.stringify(part)} repeated`, (count) =>
      resource(
        'VirtualService',
        `  hosts: [a]\n  http:\n  - {match: [{uri: {regex: '${part.repeat(count)}'}}], route: [{destination: {host: a}}]}`,
      ),
    ),
  ),
  ...['a.', 'a', '*', '-', '.', '1.', ':', '/'].map((part) =>
    text(`the host ${JSON.stringify(part)} repeated`, (count) =>
      resource('VirtualService', `  hosts: ['${part.repeat(count)}']`),
    ),
  ),
  ...['%', '%REQ(', '%%', '%REQ(x)%', '(', 'a: b', '1', '1h', '\\'].map((part) =>
    text(`the value ${JSON.stringify(part)} repeated`, (count) =>
      resource(
        'VirtualService',
        `  hosts: [a]\n  http:\n  - {timeout: '${part.repeat(count)}', headers: {request: {set: {x-a: '${part.repeat(count)}'}}}, route: [{destination: {host: a}}]}`,
      ),
    ),
  ),
];
