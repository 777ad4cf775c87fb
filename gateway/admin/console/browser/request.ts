/** Why does this request go there? And what comes back if it is sent? */
import type { Sent } from '../send.ts';
import { ask, errorOf, post } from './ask.ts';
import { byId, element } from './element.ts';
import { timeText } from './text.ts';

/** Builds the view. */
export function requestView(): void {
  const method = element('input', {
    value: 'POST',
    list: 'methods',
    size: 7,
    required: true,
    autocapitalize: 'off',
  });
  const url = element('input', {
    type: 'url',
    value: 'http://dubbo-go-server/api.Greeter/SayHello',
    required: true,
  });
  const headers = element('textarea', { rows: 3, spellcheck: 'false', placeholder: 'user: admin' });
  headers.value = 'content-type: application/json\nuser: admin';
  const body = element('textarea', { rows: 3, spellcheck: 'false' });
  body.value = '{"name":"laurence"}';
  const account = element('pre', { tabindex: 0, 'aria-label': 'explanation' });
  const answer = element('pre', { tabindex: 0, 'aria-label': 'answer' });

  const lines = (): string[] => headers.value.split('\n').filter((line) => line.trim() !== '');
  const explain = async (): Promise<void> => {
    const query = new URLSearchParams([
      // As it is sent: escaped.
      ['url', URL.canParse(url.value) ? new URL(url.value).href : url.value],
      ['method', method.value],
    ]);
    for (const line of lines()) query.append('header', line);
    const got = await ask<string>(`/explain?${query}`, { headers: { accept: 'text/plain' } });
    account.textContent = got.ok ? got.body : errorOf(got);
  };
  const send = async (): Promise<void> => {
    answer.textContent = 'sending…';
    const got = await post<Sent>('/console/send', {
      method: method.value,
      url: url.value,
      headers: lines().map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
      }),
      body: method.value === 'GET' || method.value === 'HEAD' ? '' : body.value,
    });
    answer.textContent = got.ok ? sentText(got.body) : errorOf(got);
  };

  byId('request').append(
    element(
      'datalist',
      { id: 'methods' },
      ...['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((value) => element('option', { value })),
    ),
    element(
      'form',
      {
        onsubmit(event: SubmitEvent) {
          event.preventDefault();
          const isSent = (event.submitter as HTMLButtonElement | null)?.value === 'send';
          void explain().then(() => (isSent ? send() : undefined));
        },
      },
      element(
        'div',
        { class: 'row' },
        element('label', {}, 'Method', method),
        element('label', { class: 'grow' }, 'URL', url),
      ),
      element('label', {}, 'Headers, one a line', headers),
      element('label', {}, 'Body', body),
      element(
        'div',
        { class: 'row' },
        element('button', { value: 'explain' }, 'Explain'),
        element('button', { value: 'send', class: 'primary' }, 'Explain and send'),
      ),
    ),
    element('h2', {}, 'Why'),
    account,
    element('h2', {}, 'What came back'),
    answer,
  );
}

function sentText({ status, headers, body, isCut, durationMs }: Sent): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return `${status} in ${timeText(durationMs)}\n${lines.join('\n')}\n\n${body}${isCut ? '\n… cut off after 64 KiB' : ''}`;
}
