/** The console in the browser: its views, the keys 1 to 6, and the counts twice a second while somebody looks. */
import type { HostNode } from '../rule-tree.ts';
import type { TrafficReport } from '../traffic.ts';
import { ask, errorOf } from './ask.ts';
import { editView } from './edit.ts';
import { byId } from './element.ts';
import { endpointsView } from './endpoints.ts';
import { historyView } from './history.ts';
import { requestView } from './request.ts';
import { rulesView } from './rules.ts';
import { trafficView } from './traffic.ts';

const INTERVAL_MS = 500;

const links = [...document.querySelectorAll<HTMLAnchorElement>('nav a')];
const sections = [...document.querySelectorAll<HTMLElement>('main section')];
const state = byId('state');
const showTraffic = trafficView();
const editor = editView();
const rules = rulesView((key) => {
  location.hash = 'edit';
  void editor.open(key);
});
const showEndpoints = endpointsView();
const showHistory = historyView();
requestView();

let hosts: readonly HostNode[] = [];
let revision = -1;

function currentView(): string {
  const id = location.hash.slice(1);
  return sections.some((section) => section.id === id) ? id : 'traffic';
}

function showView(): void {
  const id = currentView();
  for (const section of sections) section.hidden = section.id !== id;
  for (const link of links) {
    if (link.hash === `#${id}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (id === 'history') void showHistory();
}

async function follow(): Promise<void> {
  if (document.hidden) return;
  const got = await ask<TrafficReport>('/console/traffic');
  if (!got.ok) throw new Error(errorOf(got));
  if (got.body.revision !== revision) {
    const tree = await ask<{ readonly revision: number; readonly hosts: readonly HostNode[] }>(
      '/console/rules',
    );
    if (!tree.ok) throw new Error(errorOf(tree));
    ({ revision, hosts } = tree.body);
    rules.show(hosts);
    await editor.changed();
    if (currentView() === 'history') await showHistory();
  }
  if (got.body.revision === revision) {
    showTraffic(got.body, hosts, performance.now());
    rules.count(got.body.rules);
  }
  if (currentView() === 'endpoints') await showEndpoints();
}

async function run(): Promise<never> {
  for (;;) {
    try {
      await follow();
      state.textContent = 'live';
      state.className = 'good';
    } catch (error) {
      state.textContent = `not connected: ${(error as Error).message}`;
      state.className = 'bad';
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

addEventListener('hashchange', showView);
addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof Element && event.target.closest('input, textarea, select, dialog');
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const link = links[Number(event.key) - 1];
  if (link) location.hash = link.hash;
});
showView();
void run();
