/**
 * The console in a real Chromium, as a person uses it: the tutorial's three scenarios are written, applied, tried and
 * undone by mouse and keyboard. With `PICTURES=FOLDER` it leaves pictures of each view there.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findPeer, skipWithout } from '../peer/find.ts';
import { type Program, root, start } from '../program.ts';
import { Browser, type Screen } from './browser.ts';

const skip = skipWithout('chromium');
const pictures = process.env['PICTURES'];
const DESK: Screen = { width: 1280, height: 800, scheme: 'light' };
const NIGHT: Screen = { ...DESK, scheme: 'dark' };
const PHONE: Screen = { width: 390, height: 844, scheme: 'dark' };

let gateway: Program;
let browser: Browser;
let admin = '';
let traffic = '';

before(async () => {
  if (skip) return;
  gateway = start('cli/main.ts', ['dev', '--port', '0', '--admin-port', '0']);
  traffic = (await gateway.line(/listening {3}(http:\S+)/))[1]!;
  admin = (await gateway.line(/console {5}(http:\S+)/))[1]!;
  browser = await Browser.start(findPeer('chromium')!);
  await browser.open(admin, DESK);
  await browser.see(`document.querySelector('#state').textContent === 'live'`);
});

after(async () => {
  if (skip) return;
  await browser.stop();
  gateway.kill('SIGKILL');
  await gateway.exit;
});

const textOf = (selector: string) => `document.querySelector(${JSON.stringify(selector)}).textContent`;
const scenario = (name: string) => readFileSync(join(root, 'deploy/istio/scenarios', `${name}.yaml`), 'utf8');

async function view(name: string): Promise<void> {
  await browser.click(`nav a[href="#${name}"]`);
  await browser.see(`!document.querySelector('#${name}').hidden`);
}

async function picture(name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await browser.picture(join(pictures, `${name}.webp`));
}

/** Writes a text into the editor, waits for the verdict, and applies it. */
async function apply(text: string, moves: string): Promise<void> {
  await view('edit');
  await browser.write('#edit textarea', text);
  await browser.see(`${textOf('#edit pre')}.includes(${JSON.stringify(moves)})`);
  await browser.see(`!document.querySelector('#edit button.primary').disabled`);
  await browser.click('#edit button.primary');
  await browser.see(`/configured/.test(${textOf('#edit .verdict')})`);
}

/** What the request box gets with a header. */
async function send(header: string): Promise<string> {
  await view('request');
  await browser.write('#request textarea', `content-type: application/json\n${header}`);
  await browser.value(`document.querySelector('[aria-label=answer]').textContent = ''`);
  await browser.click('#request button[value=send]');
  await browser.see(`/"id"/.test(${textOf('[aria-label=answer]')})`);
  return browser.value(textOf('[aria-label=answer]'));
}

function greet(): Promise<Response> {
  return fetch(`${traffic}/api.Greeter/SayHello`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"laurence"}',
  });
}

test('the keys 1 to 6 change the view, and writing in a field does not', { skip }, async () => {
  const shown = `document.querySelector('main section:not([hidden])').id`;
  for (const [index, id] of ['traffic', 'rules', 'request', 'edit', 'endpoints', 'history'].entries()) {
    await browser.value(`document.activeElement.blur()`);
    await browser.press(`${index + 1}`, `${index + 1}`);
    await browser.see(`${shown} === '${id}'`);
  }
  await view('request');
  await browser.write('#request input[type=url]', 'http://dubbo-go-server/api.Greeter/SayHello');
  await browser.press('1', '1');
  assert.equal(await browser.value(shown), 'request');
  await browser.write('#request input[type=url]', 'http://dubbo-go-server/api.Greeter/SayHello');
});

test('all traffic goes to v1, as soon as that rule is applied', { skip }, async () => {
  await apply(scenario('all-v1'), 'go to v1 instead of v2');
  assert.match(await send('user: admin'), /200 in [\s\S]*"id":"v1\.0\.0"/);
});

test('admin goes to v2 and others to v1, and the page says why', { skip }, async () => {
  await apply(scenario('user-admin'), 'go to v2 instead of v1');
  assert.match(await send('user: admin2'), /"id":"v1\.0\.0"/);
  assert.match(await send('user: admin'), /"id":"v2\.0\.0"/);
  const why = await browser.value<string>(textOf('[aria-label=explanation]'));
  assert.match(why, /VirtualService default\/dubbo-go-server http\[0\]\.match\[0\]/);
  await picture('request');
});

test('a canary is watched: what is intended, what is observed, and the counts on the rule', {
  skip,
}, async () => {
  await apply(scenario('canary-90-10'), '10 % of them go to v2');
  await view('traffic');
  for (let round = 0; round < 20; round++)
    await Promise.all(Array.from({ length: 10 }, () => greet().then((answer) => answer.text())));
  const counts = `[...document.querySelectorAll('.share')].map((share) => Number(/\\((\\d+)\\)/.exec(share.textContent)?.[1]))`;
  await browser.see(`${counts}.length === 2 && ${counts}[0] + ${counts}[1] === 200`);
  const [stable = 0, canary = 0] = await browser.value<number[]>(counts);
  // Less than one in a million is farther from 180 and 20.
  assert.ok(canary >= 3 && canary <= 45, `${stable} and ${canary}`);
  const routes = `[...document.querySelectorAll('[aria-label^=Routes] tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))`;
  await browser.see(`${routes}.length === 1 && ${routes}[0][3] === '200'`);
  const [[host, route, , , failed, ...percentiles] = []] = await browser.value<string[][]>(routes);
  assert.deepEqual([host, route, failed], ['dubbo-go-server', 'canary: all requests', '0 (0 %)']);
  for (const time of percentiles) assert.match(time, /^[\d.]+ m?s$/);
  assert.match(await browser.value(textOf('.split')), /intended 90 %[\s\S]*intended 10 %/);
  // All rates are of one time: what the destinations take is what there is.
  const rates = `[...document.querySelectorAll('[aria-label^=Destinations] tbody tr')].reduce((sum, row) => sum + Number(row.cells[2].textContent), 0)`;
  const all = `Number(/[\\d.]+$/.exec(document.querySelector('.figures').firstChild.textContent.trim())?.[0])`;
  await browser.see(`Math.abs(${rates} - ${all}) < 0.05 * ${all} + 1`);
  await picture('traffic');
  await view('rules');
  await browser.see(`${textOf('#rules .badge')} === '200'`);
  await picture('rules');
});

test('a refused text changes nothing, says where, and cannot be applied', { skip }, async () => {
  await view('edit');
  await browser.write('#edit textarea', scenario('canary-90-10').replace('weight: 90', 'weight: many'));
  await browser.see(`/^Refused/.test(${textOf('#edit .verdict')})`);
  assert.match(await browser.value(textOf('#edit .issues')), /^\d+:\d+ wrong-type/);
  assert.equal(await browser.value(`document.querySelector('#edit button.primary').disabled`), true);
  await picture('refused');
});

test('the second of two who edit is told, keeps the text, and can apply it after a look', {
  skip,
}, async () => {
  const mine = scenario('canary-90-10')
    .replace('weight: 90', 'weight: 80')
    .replace('weight: 10', 'weight: 20');
  const told = `/Somebody has changed the rules/.test(${textOf('#edit .verdict')})`;
  await browser.write('#edit textarea', mine);
  await browser.see(`!document.querySelector('#edit button.primary').disabled`);
  // The other's change is there once this one is on its way, whatever the page hears first.
  await browser.value(`(() => {
    const real = window.fetch;
    window.fetch = async (path, init) => {
      if (init?.method === 'PUT') {
        window.fetch = real;
        await real('/resources', { method: 'PUT', body: ${JSON.stringify(scenario('all-v1'))} });
      }
      return real(path, init);
    };
    document.querySelector('#edit button.primary').click();
  })()`);
  await browser.see(told);
  assert.equal(await browser.value(`document.querySelector('#edit textarea').value`), mine);
  await browser.see(`/20 % of them go to v2 instead of v1/.test(${textOf('#edit pre')})`);
  await picture('edit');
  // Who is told before they apply keeps the text too, and is told until they do.
  const other = await fetch(`${admin}/resources`, { method: 'PUT', body: scenario('user-admin') });
  assert.equal(other.status, 200);
  await browser.see(`/go to v1 instead of v2/.test(${textOf('#edit pre')})`);
  await browser.see(`${told} && !document.querySelector('#edit button.primary').disabled`);
  assert.equal(await browser.value(`document.querySelector('#edit textarea').value`), mine);
  await browser.click('#edit button.primary');
  await browser.see(`/configured/.test(${textOf('#edit .verdict')})`);
});

test('Undo takes back what was applied', { skip }, async () => {
  await browser.click('#edit .row button:not(.primary)');
  await browser.see(`/Undone/.test(${textOf('#edit .verdict')})`);
  // The rules are the other's again.
  assert.match(await send('user: admin'), /"id":"v2\.0\.0"/);
  assert.match(await send('user: nobody'), /"id":"v1\.0\.0"/);
  await view('history');
  await browser.see(`document.querySelectorAll('#history tbody tr').length >= 6`);
});

const written = `document.querySelector('#edit textarea').value`;
const canApply = `!document.querySelector('#edit button.primary').disabled`;

/** From now on answers to paths that begin so reach the page only when {@link release} lets them. */
async function hold(path: string): Promise<void> {
  await browser.value(`(() => {
    const real = window.fetch;
    window.held = [];
    window.release = () => { window.fetch = real; for (const go of window.held.splice(0)) go(); };
    window.fetch = async (path, init) => {
      const answer = await real(path, init);
      if (path.startsWith(${JSON.stringify(path)})) await new Promise((go) => window.held.push(go));
      return answer;
    };
  })()`);
}

const release = () => browser.value('window.release()');

test('an answer to an earlier text does not let a later one be applied', { skip }, async () => {
  await view('edit');
  await hold('/console/review');
  await browser.write('#edit textarea', scenario('all-v1'));
  await browser.see('window.held.length === 1');
  await browser.write('#edit textarea', scenario('canary-90-10'));
  await browser.value('window.held.shift()()');
  await browser.see('window.held.length === 1');
  assert.equal(await browser.value(canApply), false);
  await release();
  await browser.see(canApply);
});

test('what was written is kept while another resource is looked at, and Discard gives it up', {
  skip,
}, async () => {
  const mine = scenario('canary-90-10')
    .replace('weight: 90', 'weight: 70')
    .replace('weight: 10', 'weight: 30');
  const choose = (kind: string) =>
    browser.value(`(() => {
      const choice = document.querySelector('#edit select');
      choice.value = [...choice.options].find(({ value }) => value.startsWith('${kind}/')).value;
      choice.dispatchEvent(new Event('change'));
    })()`);
  await browser.write('#edit textarea', mine);
  await choose('DestinationRule');
  await browser.see(`${written}.includes('kind: DestinationRule')`);
  assert.match(await browser.value(textOf('#edit select')), /VirtualService\/\S+ \(not applied\)/);
  await choose('VirtualService');
  await browser.see(`${written} === ${JSON.stringify(mine)}`);
  // Of two that are asked for the later one is shown, whichever answer comes first.
  await hold('/console/text/DestinationRule');
  await choose('DestinationRule');
  await browser.see('window.held.length === 1');
  await choose('VirtualService');
  await release();
  await browser.see(canApply);
  assert.equal(await browser.value(written), mine);
  await browser.click('#edit .row button:last-child');
  await browser.see(
    `${written}.includes('kind: VirtualService') && ${written} !== ${JSON.stringify(mine)} && ${canApply}`,
  );
});

test('a text that nobody has touched becomes what somebody else applies', { skip }, async () => {
  const other = await fetch(`${admin}/resources`, { method: 'PUT', body: scenario('canary-90-10') });
  assert.equal(other.status, 200);
  await browser.see(`/weight: 90/.test(${written})`);
  await browser.see(`/this is the text in effect now/.test(${textOf('#edit .verdict')})`);
});

test('a gateway that does not answer is told of, and the text can be applied again', { skip }, async () => {
  await browser.write('#edit textarea', scenario('all-v1'));
  await browser.see(canApply);
  await browser.value(`(() => {
    const real = window.fetch;
    window.fetch = (path, init) => {
      if (init?.method !== 'PUT') return real(path, init);
      window.fetch = real;
      return Promise.reject(new TypeError('nobody there'));
    };
    document.querySelector('#edit button.primary').click();
  })()`);
  await browser.see(`/Cannot reach the gateway: nobody there/.test(${textOf('#edit .verdict')})`);
  await browser.see(canApply);
  await browser.click('#edit button.primary');
  await browser.see(`/configured/.test(${textOf('#edit .verdict')})`);
});

test('the page is whole in the dark and at phone width, and its policy had nothing to refuse', {
  skip,
}, async () => {
  const paintsMs: number[] = [];
  for (const [screen, suffix] of [
    [NIGHT, 'dark'],
    [PHONE, 'phone'],
  ] as const)
    for (const id of ['traffic', 'rules', 'request', 'edit', 'endpoints', 'history']) {
      await browser.open('about:blank', screen);
      await browser.open(`${admin}/#${id}`, screen);
      await browser.see(`document.querySelector('#state').textContent === 'live'`);
      await browser.see(`document.querySelector('#${id}').textContent.length > 20`);
      const paint = `performance.getEntriesByName('first-contentful-paint')[0]`;
      await browser.see(paint);
      paintsMs.push(await browser.value<number>(`${paint}.startTime`));
      const width = await browser.value<number>('document.documentElement.scrollWidth');
      assert.ok(width <= screen.width, `${id} is ${width} wide on a screen of ${screen.width}`);
      await picture(`${id}-${suffix}`);
    }
  // Reported, not asserted: the figures tell of the machine as well.
  console.log(`first paint after ${paintsMs.map(Math.round).join(', ')} ms`);
  // The one refusal that was asked for.
  assert.deepEqual(
    browser.complaints.filter((text) => !text.includes('status of 412')),
    [],
  );
});

test('a gateway with a token is asked with it, once it is entered right', { skip }, async () => {
  const env = { POINTSMAN_ADMIN_TOKEN: 'correct-horse' };
  const guarded = start('cli/main.ts', ['dev', '--port', '0', '--admin-port', '0'], { env });
  try {
    await browser.open((await guarded.line(/console {5}(http:\S+)/))[1]!, DESK);
    for (const token of ['wrong', 'correct-horse']) {
      await browser.see(`document.querySelector('#login').open`);
      await browser.write('#token', token);
      await browser.click('#login button');
    }
    await browser.see(`document.querySelector('#state').textContent === 'live'`);
    await view('rules');
    await browser.see(`${textOf('#rules')}.includes('header user = "admin"')`);
  } finally {
    guarded.kill('SIGKILL');
    await guarded.exit;
  }
});
