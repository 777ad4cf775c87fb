/** Asks each case's host in turn, and tells what came. Imports node only. */
import * as net from 'node:net';

/** The status and the body, or `broken off` where the answer is less than a whole one. */
export function askOnce(port: number, host: string, id: string): Promise<string> {
  return new Promise((done) => {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => done(read(text)));
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nx-id: ${id}\r\nconnection: close\r\n\r\n`);
  });
}

function read(text: string): string {
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end).toLowerCase();
  let body = text.slice(end + 4);
  const length = /content-length: (\d+)/.exec(head)?.[1];
  const isChunked = head.includes('transfer-encoding: chunked');
  if (end === -1 || (length !== undefined && body.length < Number(length))) return 'broken off';
  if (isChunked && !body.endsWith('0\r\n\r\n')) return 'broken off';
  if (isChunked) body = body.replaceAll(/[0-9a-f]+\r\n(.*)\r\n/g, '$1').replace(/\r\n$/, '');
  return `${head.split(' ')[1]} ${body}`;
}
