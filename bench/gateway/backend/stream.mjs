// Answers GET /stream/N with N bytes in pieces of 64 KiB, over HTTP/1.1 and h2c on one port. usage: stream.mjs PORT
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

const piece = Buffer.alloc(64 * 1024, 'x');

async function answer(request, response) {
  let left = Number(request.url.split('/').at(-1));
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  while (left > 0 && !response.destroyed) {
    const size = Math.min(left, piece.length);
    left -= size;
    if (!response.write(piece.subarray(0, size))) await new Promise((done) => response.once('drain', done));
  }
  response.end();
}

const h1 = http.createServer(answer);
const h2 = http2.createServer({ settings: { initialWindowSize: 1 << 20 } }, answer);
net
  .createServer((socket) => {
    socket.once('data', (start) => {
      socket.pause();
      socket.unshift(start);
      (start[0] === 0x50 && start[1] === 0x52 ? h2 : h1).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  })
  .listen(Number(process.argv[2]), '127.0.0.1');
