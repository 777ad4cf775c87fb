import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, type Case, readCases } from '../corpus/corpus.ts';
import { clientOutcome, serverOutcome } from './ours.ts';

const requests = readCases('request.json');

test('Http1ServerConnection refuses or passes on every request of the corpus as it says', () => {
  const wrong: string[] = [];
  for (const { name, input, want } of requests) {
    const outcome = serverOutcome([bytesOf(input)]);
    if (outcome !== want) wrong.push(`${name}: ${outcome}, not ${want}`);
  }
  assert.deepEqual(wrong, []);
});

test('Http1ServerConnection makes the same of a request however its bytes are cut', () => {
  const wrong: string[] = [];
  for (const { name, input, want } of requests) {
    const bytes = bytesOf(input);
    const step = Math.max(1, Math.floor(bytes.length / 600));
    for (let at = 1; at < bytes.length; at += step) {
      const outcome = serverOutcome([bytes.subarray(0, at), bytes.subarray(at)]);
      if (outcome !== want) wrong.push(`${name} cut at ${at}: ${outcome}, not ${want}`);
    }
    const outcome = serverOutcome(Array.from(bytes, (byte) => Uint8Array.of(byte)));
    if (outcome !== want) wrong.push(`${name} byte by byte: ${outcome}, not ${want}`);
  }
  assert.deepEqual(wrong, []);
});

interface AnswerCase extends Case {
  readonly method?: string;
  readonly upgrade?: string;
  /** The connection ends behind the input. */
  readonly ends?: boolean;
}

const answers = readCases<AnswerCase>('response.json');

test('Http1ClientConnection refuses or passes on every answer of the corpus as it says', () => {
  const wrong: string[] = [];
  for (const answer of answers) {
    const outcome = clientOutcome([bytesOf(answer.input)], answer);
    if (outcome !== answer.want) wrong.push(`${answer.name}: ${outcome}, not ${answer.want}`);
  }
  assert.deepEqual(wrong, []);
});

test('Http1ClientConnection makes the same of an answer however its bytes are cut', () => {
  const wrong: string[] = [];
  for (const answer of answers) {
    const bytes = bytesOf(answer.input);
    for (let at = 1; at < bytes.length; at++) {
      const outcome = clientOutcome([bytes.subarray(0, at), bytes.subarray(at)], answer);
      if (outcome !== answer.want) wrong.push(`${answer.name} cut at ${at}: ${outcome}, not ${answer.want}`);
    }
    const outcome = clientOutcome(
      Array.from(bytes, (byte) => Uint8Array.of(byte)),
      answer,
    );
    if (outcome !== answer.want) wrong.push(`${answer.name} byte by byte: ${outcome}, not ${answer.want}`);
  }
  assert.deepEqual(wrong, []);
});
