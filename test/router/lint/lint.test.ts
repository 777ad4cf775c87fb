import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIssue, type Issue, LINT_CODES, lint, parse, validate } from '../../../router/index.ts';
import { plainOf } from '../../../router/lint/regex.ts';
import { checkTexts } from '../../../workbench/check/index.ts';

/** `CODE LINE` of each finding about resources that have to be valid. */
function found(yaml: string): string[] {
  return issuesOf(yaml).map(({ code, line }) => `${code} ${line}`);
}

function issuesOf(yaml: string): Issue[] {
  const parsed = parse(yaml, { file: 'rules.yaml' });
  const { resources, issues } = validate(parsed.resources);
  assert.deepEqual(
    [...parsed.issues, ...issues].filter(({ severity }) => severity === 'error'),
    [],
  );
  return lint(resources);
}

/** A VirtualService on one line. */
function rules(name: string, spec: string, metadata = ''): string {
  return `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}${metadata}}, spec: {${spec}}}\n---\n`;
}

const ROUTE = 'route: [{destination: {host: a}}]';
const ALL = `http: [{${ROUTE}}]`;
const under = (prefix: string) => `http: [{match: [{uri: {prefix: ${prefix}}}], ${ROUTE}}]`;

test('lint() finds nothing wrong with rules that all do something', () => {
  const http = `http: [{match: [{uri: {prefix: /a/b}}], ${ROUTE}}, {match: [{uri: {prefix: /a}}], ${ROUTE}}, {${ROUTE}}]`;
  assert.deepEqual(found(rules('one', `hosts: [a], ${http}`)), []);
});

test('lint() finds a host that two VirtualServices claim in the mesh, whichever way they spell it', () => {
  const first = rules('one', `hosts: [a], ${ALL}`);
  assert.deepEqual(found(first + rules('two', `hosts: [a.default.svc.cluster.local], ${ALL}`)), [
    'host-conflict 3',
  ]);
  assert.deepEqual(found(first + rules('two', `hosts: [A.default.svc.cluster.local], ${ALL}`)), [
    'host-conflict 3',
  ]);
  assert.deepEqual(found(first + rules('two', `hosts: [b], ${ALL}`)), []);
  assert.deepEqual(found(first + rules('two', `hosts: [a], ${ALL}`, ', namespace: other')), []);
});

test('lint() takes the older of two VirtualServices for the one that is obeyed, then the one that comes first by name', () => {
  const at = (time: string) => `, creationTimestamp: "2026-01-0${time}T00:00:00Z"`;
  const [one, two] = ['one', 'two'].map(
    (name) => (metadata: string) => rules(name, `hosts: [a], ${ALL}`, metadata),
  );
  assert.deepEqual(found(one!('') + two!('')), ['host-conflict 3']);
  assert.deepEqual(found(one!(at('2')) + two!(at('1'))), ['host-conflict 1']);
  assert.deepEqual(found(two!(at('1')) + one!(at('1'))), ['host-conflict 1']);
});

test('lint() finds no conflict where clients, ports or gateways may tell the VirtualServices apart', () => {
  const first = rules('one', `hosts: [a], ${ALL}`);
  assert.deepEqual(
    found(first + rules('two', `hosts: [a], exportTo: [.], ${ALL}`)),
    [],
    'the private one goes first',
  );
  assert.deepEqual(found(first + rules('two', `hosts: [a.example], gateways: [gate], ${ALL}`)), []);
  const onPort = `http: [{match: [{port: 80}], ${ROUTE}}]`;
  assert.deepEqual(found(rules('one', `hosts: [a], ${onPort}`) + rules('two', `hosts: [a], ${ALL}`)), []);
});

test('lint() finds a rule that another VirtualService of the same gateway and host takes first', () => {
  const atGate = (name: string, http: string, gateways = '[gate]', hosts = '[a.example]') =>
    rules(name, `hosts: ${hosts}, gateways: ${gateways}, ${http}`);
  assert.deepEqual(found(atGate('one', under('/a')) + atGate('two', under('/a/b'))), ['rule-never-taken 3']);
  assert.deepEqual(found(atGate('one', under('/a/b')) + atGate('two', under('/a'))), []);
  assert.deepEqual(
    found(atGate('one', ALL) + atGate('two', under('/a'))),
    [],
    'what takes everything comes last',
  );
  assert.deepEqual(found(atGate('one', ALL) + atGate('two', ALL)), ['rule-never-taken 3']);
  assert.deepEqual(found(atGate('one', under('/a')) + atGate('two', under('/a'), '[gate, other]')), []);
  assert.deepEqual(
    found(atGate('one', under('/a')) + atGate('two', under('/a'), '[gate]', '[a.example, b.example]')),
    [],
  );
});

test('lint() says nothing against a delegate that is taken under one of its roots', () => {
  const root = (name: string, prefix: string) =>
    rules(name, `hosts: [${name}], http: [{match: [{uri: {prefix: ${prefix}}}], delegate: {name: leaf}}]`);
  const early = (name: string) =>
    rules(
      name,
      `hosts: [${name}], http: [{match: [{uri: {prefix: /a}}], ${ROUTE}}, {match: [{uri: {prefix: /a}}], delegate: {name: leaf}}]`,
    );
  const leaf = rules('leaf', ALL);
  assert.deepEqual(found(early('b') + leaf), ['rule-never-taken 3']);
  assert.deepEqual(found(early('b') + root('c', '/a') + leaf), []);
});

test('lint() finds subsets of mirrors, of wildcard hosts and of other namespaces', () => {
  const rule = (host: string, metadata: string, subset: string) =>
    `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${subset}${metadata}}, spec: {host: '${host}', subsets: [{name: ${subset}}]}}\n---\n`;
  const http = (subset: string) =>
    `http: [{${ROUTE}, mirrors: [{destination: {host: a, subset: ${subset}}}]}]`;
  assert.deepEqual(found(rules('one', `hosts: [a], ${http('v1')}`)), ['subset-missing 1']);
  assert.deepEqual(found(rules('one', `hosts: [a], ${http('v1')}`) + rule('a', '', 'v1')), []);
  assert.deepEqual(found(rules('one', `hosts: [a], ${http('v2')}`) + rule('a', '', 'v1')), [
    'subset-missing 1',
  ]);
  assert.deepEqual(
    found(rules('one', `hosts: [a], ${http('v1')}`) + rule('*.default.svc.cluster.local', '', 'v1')),
    [],
  );
  assert.deepEqual(found(rules('one', `hosts: [a], ${http('v1')}`) + rule('a', ', namespace: b', 'v1')), [
    'subset-missing 1',
  ]);
});

test('lint() finds subsets that tcp and tls routes send connections to', () => {
  const to = (subset: string, weight = 1) =>
    `[{match: [{port: 80, sniHosts: [a]}], route: [{destination: {host: a, subset: ${subset}}, weight: ${weight}}, {destination: {host: a}, weight: 1}]}]`;
  const a = `---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: {host: a, subsets: [{name: v1}]}}\n`;
  const tcp = (routes: string) => `hosts: [a], tcp: ${routes.replace(', sniHosts: [a]', '')}`;
  assert.deepEqual(found(rules('one', `hosts: [a], tls: ${to('v2')}`) + a), ['subset-missing 1']);
  assert.deepEqual(found(rules('one', tcp(to('v2'))) + a), ['subset-missing 1']);
  assert.deepEqual(found(rules('one', tcp(to('v1'))) + a), []);
  assert.deepEqual(found(rules('one', tcp(to('v2', 0))) + a), []);
});

test('lint() claims no answer of a host that may be another name of a service with the subset', () => {
  const a = `---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: {host: a, subsets: [{name: v1}]}}\n`;
  const to = (host: string) =>
    rules('one', `hosts: [a], http: [{route: [{destination: {host: ${host}, subset: v1}}]}]`);
  const message = (yaml: string) => lint(validate(parse(yaml).resources).resources)[0]?.message ?? '';
  assert.match(
    message(to('b') + a),
    /^Requests are answered with 503, unless its host is a Service of type ExternalName: /,
  );
  assert.match(message(to('b.example') + a), /^Requests are answered with 503: /);
});

test('lint() says nothing of a missing subset that no request is sent to', () => {
  const gone = '{destination: {host: a, subset: gone}, weight: 0}';
  const abort = (value: number) => `fault: {abort: {httpStatus: 500, percentage: {value: ${value}}}}`;
  const to = (http: string) => found(rules('one', `hosts: [a], http: [{${http}}]`));
  assert.deepEqual(to(`route: [{destination: {host: a}, weight: 100}, ${gone}]`), []);
  assert.deepEqual(to(`route: [${gone}]`), ['subset-missing 1'], 'a weight that stands alone does not count');
  assert.deepEqual(to(`route: [${gone}], ${abort(100)}`), []);
  assert.deepEqual(to(`route: [${gone}], ${abort(99)}`), ['subset-missing 1']);
  const mirror = `${ROUTE}, mirror: {host: a, subset: gone}`;
  assert.deepEqual(to(`${mirror}, mirrorPercentage: {value: 0}`), []);
  assert.deepEqual(to(mirror), ['subset-missing 1']);
  const mirrors = (value: number) =>
    `${ROUTE}, mirrors: [{destination: {host: a, subset: gone}, percentage: {value: ${value}}}]`;
  assert.deepEqual(to(mirrors(0)), []);
  assert.deepEqual(to(mirrors(1)), ['subset-missing 1']);
});

test('lint() tells behind # who sends an example, at which port and through which gateway', () => {
  const twice = (match: string) => `http: [{match: [${match}], ${ROUTE}}, {match: [${match}], ${ROUTE}}]`;
  const example = (spec: string, metadata = '') => issuesOf(rules('one', spec, metadata))[0]?.example;
  const PATH = '{uri: {prefix: /x}}';
  const cases: readonly [spec: string, want: string][] = [
    [`hosts: [a.example], ${twice(PATH)}`, 'curl http://a.example/x'],
    [
      `hosts: [a.example], ${twice('{sourceLabels: {app: web, tier: "1"}}')}`,
      'curl http://a.example/ # explain --labels app=web,tier=1',
    ],
    [
      `hosts: [a.example], ${twice('{sourceNamespace: shop, port: 8080}')}`,
      'curl http://a.example/ # explain --port 8080 --namespace shop',
    ],
    [
      `hosts: [a.example], gateways: [gate], ${twice('{uri: {prefix: /x}}')}`,
      'curl http://a.example/x # explain --gateway default/gate',
    ],
    [
      `hosts: [a.example], exportTo: [shop], ${twice('{uri: {prefix: /x}}')}`,
      'curl http://a.example/x # explain --namespace shop',
    ],
  ];
  for (const [spec, want] of cases) assert.equal(example(spec), want, spec);
  const behind = (servers: string, match: string, gateways = 'gate'): string | undefined => {
    const gateway = `{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gate}, spec: {servers: [${servers}]}}`;
    const spec = `hosts: [a.example], gateways: [${gateways}], ${twice(match)}`;
    return issuesOf(rules('one', spec) + gateway)[0]?.example;
  };
  const server = (number: number, protocol: string, tls = '') =>
    `{port: {number: ${number}, name: p${number}, protocol: ${protocol}}, hosts: ["*/*.example"]${tls && `, tls: {${tls}}`}}`;
  const https = server(443, 'HTTPS', 'mode: SIMPLE, credentialName: c');
  const redirect = server(80, 'HTTP', 'httpsRedirect: true');
  const through: readonly [example: string | undefined, want: string][] = [
    [behind(server(8080, 'HTTP'), PATH), 'http://a.example/x # explain --port 8080 --gateway default/gate'],
    [behind(https, PATH), 'https://a.example/x # explain --gateway default/gate'],
    [behind(`${redirect}, ${https}`, PATH), 'https://a.example/x # explain --gateway default/gate'],
    [
      behind(`${https}, ${server(8080, 'HTTP')}`, PATH),
      'http://a.example/x # explain --port 8080 --gateway default/gate',
    ],
    [
      behind(`${https}, ${server(8080, 'HTTP')}`, '{port: 443}'),
      'https://a.example/ # explain --gateway default/gate',
    ],
    [
      behind(https, '{gateways: [gate]}', 'mesh, gate'),
      'https://a.example/ # explain --gateway default/gate',
    ],
  ];
  for (const [found, want] of through) assert.equal(found, `curl ${want}`);
});

test('checkTexts() counts a rule that is too complex to decide, and finds nothing wrong with it', () => {
  const combinations = Array.from({ length: 128 }, (_, bits) => {
    const names = Array.from({ length: 7 }, (_, index) => ((bits >> index) & 1 ? `h${index}` : `~h${index}`));
    const of = (wanted: readonly string[]) => wanted.map((name) => `${name.replace('~', '')}: {}`).join(', ');
    const isThere = (name: string) => !name.startsWith('~');
    return `{headers: {${of(names.filter(isThere))}}, withoutHeaders: {${of(names.filter((each) => !isThere(each)))}}}`;
  });
  const http = `http: [{match: [${combinations.join(', ')}], ${ROUTE}}, {match: [{uri: {prefix: /a}}], ${ROUTE}}]`;
  const bytes = new TextEncoder().encode(rules('one', `hosts: [a], ${http}`));
  const { undecided, issues } = checkTexts([{ file: 'rules.yaml', bytes }]);
  assert.equal(undecided, 1);
  assert.deepEqual(
    issues.filter(({ by }) => by.includes('lint')),
    [],
  );
});

test('lint() finds a condition on a header that is believed of no client', () => {
  const asks = (name: string) =>
    `hosts: [a], http: [{match: [{headers: {${name}: {exact: "1"}}}], ${ROUTE}}, {${ROUTE}}]`;
  const told = (name: string) => issuesOf(rules('one', asks(name))).map(({ message }) => message);
  assert.match(told('x-envoy-retry-on').join(), /rules see the header "x-envoy-retry-on" of no client/);
  assert.deepEqual(told('x-envoy-attempt-count'), []);
});

test('lint() gives each finding a code of its list, a place and a path', () => {
  const issues = issuesOf(
    rules('one', `hosts: [a], ${ALL}`) + rules('two', `hosts: [a], ${under("'/x?y'")}`),
  );
  assert.deepEqual(issues.map(({ code }) => code).sort(), ['host-conflict', 'match-impossible']);
  for (const { code, severity, file, line, column, excerpt, resource } of issues) {
    assert.ok((LINT_CODES as readonly string[]).includes(code));
    assert.deepEqual(
      { severity, file, line, resource: resource?.name },
      { severity: 'warning', file: 'rules.yaml', line: 3, resource: 'two' },
    );
    assert.ok(column !== undefined && excerpt !== undefined);
  }
});

test('lint() compares fewer rules with fewer steps, and then says less', () => {
  const http = `http: [{match: [{uri: {regex: /a.*}}], ${ROUTE}}, {match: [{uri: {regex: /ab.*}}], ${ROUTE}}]`;
  const { resources } = validate(parse(rules('one', `hosts: [a], ${http}`)).resources);
  const codes = (maxSteps?: number) =>
    lint(resources, maxSteps === undefined ? {} : { maxSteps })
      .map(({ code }) => code)
      .filter((code) => code !== 'regex-plain');
  assert.deepEqual(codes(), ['rule-never-taken']);
  assert.deepEqual(codes(100), []);
});

test('lint() gives an example over HTTP/2 where HTTP/1.1 carries no such method', () => {
  const example = (methods: string) => {
    const http = `http: [{match: [{method: {regex: '${methods}'}}], ${ROUTE}}, {match: [{method: {regex: '${methods}'}}], ${ROUTE}}]`;
    return issuesOf(rules('one', `hosts: [a], ${http}`))[0]?.example;
  };
  const at = 'a.default.svc.cluster.local';
  assert.equal(example('[a-z]'), `curl -X a --http2-prior-knowledge http://${at}/`);
  assert.equal(example('[a-zA-Z]{4}'), `curl -X POST http://${at}/`);
  assert.equal(example('S.*'), `curl -X SEARCH http://${at}/`);
});

test('lint() writes what is beyond ASCII in an example as it is in the rule, and as curl can send it', () => {
  const example = (match: string) => {
    const http = `http: [{match: [${match}], ${ROUTE}}, {match: [${match}], ${ROUTE}}]`;
    return issuesOf(rules('one', `hosts: [a], ${http}`))[0]?.example;
  };
  const at = 'a.default.svc.cluster.local';
  assert.equal(example('{headers: {x-name: {exact: Zoë}}}'), `curl -H 'x-name: Zoë' http://${at}/`);
  assert.equal(
    example('{queryParams: {dish: {exact: crème}}}'),
    `curl --http2-prior-knowledge 'http://${at}/?dish=crème'`,
  );
  assert.equal(
    example('{headers: {x-name: {regex: "\\\\xE9"}}}'),
    `curl -H $'x-name: \\xe9' http://${at}/`,
    'a byte that is no text, as bash has it',
  );
});

test('formatIssue() prints the example below the caret', () => {
  const [issue] = issuesOf(
    rules(
      'one',
      `hosts: [a], http: [{${ROUTE}}, {match: [{uri: {prefix: /x}, headers: {user: {exact: "it's"}}}], ${ROUTE}}]`,
    ),
  );
  const lines = formatIssue(issue!).split('\n');
  assert.match(lines[2]!, /^ *\^$/);
  // The shell's way to have a quote inside of quotes.
  assert.equal(lines[3], "for example: curl -H 'user: it'\\''s' http://a.default.svc.cluster.local/x");
});

test('lint() leaves a regex alone where a prefix would be rewritten in another way', () => {
  const http = (more: string, regex = '/a/.*') =>
    rules('one', `hosts: [a], http: [{match: [{uri: {regex: ${regex}}}], ${more}}]`);
  assert.deepEqual(found(http(ROUTE)), ['regex-plain 1']);
  assert.deepEqual(found(http(`rewrite: {uri: /b}, ${ROUTE}`)), []);
  assert.deepEqual(found(http(`rewrite: {authority: b}, ${ROUTE}`)), ['regex-plain 1']);
  assert.deepEqual(
    found(http(`rewrite: {uri: /b}, ${ROUTE}`, '/a')),
    ['regex-plain 1'],
    'an exact path is all of it',
  );
});

test('plainOf() reads a regex as an exact text or a prefix, and only where it is one', () => {
  const rows: [string, ReturnType<typeof plainOf>][] = [
    ['admin', { kind: 'exact', value: 'admin' }],
    ['^admin$', { kind: 'exact', value: 'admin' }],
    ['/a\\.b\\?', { kind: 'exact', value: '/a.b?' }],
    ['/api/.*', { kind: 'prefix', value: '/api/' }],
    ['^/api/.*$', { kind: 'prefix', value: '/api/' }],
    ['.*', { kind: 'any' }],
    ['^.*$', { kind: 'any' }],
    ['a.b', undefined],
    ['a|b', undefined],
    ['/api/.+', undefined],
    ['/api.*/x', undefined],
    ['(?i)admin', undefined],
    ['\\d', undefined],
    ['a\\', undefined],
    ['a^b', undefined],
    ['a$b', undefined],
    ['x{2}', undefined],
  ];
  for (const [regex, want] of rows) assert.deepEqual(plainOf(regex), want, regex);
});

test('lint() finds a header value with a command that Envoy does not know', () => {
  const cases: [value: string, found: string[]][] = [
    ['%REQ(:METHOD)% %PROTOCOL% 100%%', []],
    ['%METHOD%', ['header-format']],
    ['%REQ(a)% %REQ_WITHOUT_QUERY(:PATH)%', ['header-format']],
    ['%VIRTUAL_HOST_NAME% %AUTHORITY%', ['header-format', 'header-format']],
  ];
  for (const [value, want] of cases)
    for (const headers of [`{request: {set: {a: "${value}"}}}`, `{response: {add: {a: "${value}"}}}`])
      for (const rule of [
        `{headers: ${headers}, route: [{destination: {host: greeter}}]}`,
        `{route: [{destination: {host: greeter}, headers: ${headers}}]}`,
      ]) {
        const issues = issuesOf(rules('one', `hosts: [greeter], http: [${rule}]`));
        assert.deepEqual(
          issues.map(({ code }) => code),
          want,
          rule,
        );
      }
});
