/** Text beyond ASCII, as people write it for explain, and as curl sends it to a gateway. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { requestOfWords } from '../../cli/request-words.ts';
import { textSource } from '../../config/text.ts';
import { formatExplanation, readable } from '../../router/index.ts';
import { openGateway } from './world.ts';

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
    - match: [{ headers: { x-name: { exact: Zoë } } }]
      headers: { response: { set: { x-answer: grüß dich } } }
      directResponse: { status: 210 }
    - match: [{ headers: { x-name: { regex: Zo.. } } }]
      directResponse: { status: 211 }
    - match: [{ headers: { x-name: { regex: . } } }]
      directResponse: { status: 212 }
    - match: [{ uri: { prefix: /café } }]
      directResponse: { status: 213 }
    - match: [{ uri: { prefix: /caf%c3%a9 } }]
      directResponse: { status: 214 }
    - match: [{ queryParams: { dish: { exact: crème } } }]
      directResponse: { status: 215 }
    - directResponse: { status: 219 }
`;

const GREETER = { host: 'greeter', port: 80, handler: { fetch: async () => new Response() } };

/** The words for explain, and the request line and headers that curl 7.88 makes of them. */
const REQUESTS: readonly [words: readonly string[], sent: string, status: number][] = [
  [['-H', 'x-name: Zoë', 'http://greeter/'], '/ HTTP/1.1\r\nx-name: Zoë', 210],
  [['-H', 'x-name: Zoé', 'http://greeter/'], '/ HTTP/1.1\r\nx-name: Zoé', 211],
  [['-H', 'x-name: é', 'http://greeter/'], '/ HTTP/1.1\r\nx-name: é', 219],
  [['-H', 'x-name: e', 'http://greeter/'], '/ HTTP/1.1\r\nx-name: e', 212],
  [['http://greeter/café/menu'], '/caf%c3%a9/menu HTTP/1.1', 214],
  [['http://greeter/?dish=cr%C3%A8me'], '/?dish=cr%C3%A8me HTTP/1.1', 219],
];

/** The first line of the answer. */
function statusOf(port: number, request: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${request}\r\nhost: greeter\r\nconnection: close\r\n\r\n`, 'utf8');
    });
    socket.setEncoding('latin1').on('data', (text) => {
      answer += text;
    });
    socket.on('error', reject).on('close', () => resolve(Number(answer.split(' ')[1])));
  });
}

test('explain takes text beyond ASCII for what the gateway is sent of it', async () => {
  const { gateway, port } = await openGateway({
    config: textSource('rules.yaml', RULES),
    services: [GREETER],
  });
  try {
    for (const [words, sent, want] of REQUESTS) {
      const account = gateway.explain(requestOfWords('explain', words, undefined));
      const [outcome] = account.outcomes;
      const explained = outcome?.decision.kind === 'reply' ? outcome.decision.status : undefined;
      assert.deepEqual([explained, await statusOf(port, sent)], [want, want], words.join(' '));
    }
  } finally {
    await gateway.stop();
  }
});

test('explain tells what is beyond ASCII as it is written', async () => {
  const { gateway } = await openGateway({ config: textSource('rules.yaml', RULES), services: [GREETER] });
  try {
    const explain = (...words: string[]) => gateway.explain(requestOfWords('explain', words, undefined));
    const missed = formatExplanation(explain('-H', 'x-name: Zoé', 'http://greeter/'));
    assert.match(missed, /headers\[x-name\] is "Zoé", wanted exact "Zoë"/);
    const met = explain('-H', 'x-name: Zoë', 'http://greeter/');
    assert.match(formatExplanation(met), /x-answer: grüß dich/);
    assert.match(JSON.stringify(readable(met)), /"x-answer","grüß dich"/);
    const dish = explain('http://greeter/?dish=crème');
    assert.match(formatExplanation(dish), /answered with HTTP 215/, 'as HTTP/2 carries it');
    assert.match(
      formatExplanation(
        gateway.explain({ ...requestOfWords('explain', ['greeter'], 80), authority: '\xe9' }),
      ),
      /none has "\\xE9"/,
      'bytes that are no text',
    );
  } finally {
    await gateway.stop();
  }
});
