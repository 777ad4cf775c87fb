/**
 * Bytes between node's streams and web streams, with back pressure both ways and no error lost or thrown into
 * the void. Knows node's streams by their shape alone, so that nothing of node's is imported.
 */

/** The part of node's Readable that is used. */
export interface ByteSource {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'end' | 'close' | 'aborted', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** The part of node's Writable that is used. */
export interface ByteSink {
  on(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
  write(chunk: Uint8Array): boolean;
  readonly destroyed: boolean;
}

/** What to do at the turns of a source's life. */
export interface SourceEvents {
  /** Why an `end` or `close` is no clean end (a reset, a lost connection), or undefined if it is one. */
  readonly broken: () => Error | undefined;
  /** The last byte has been read. */
  readonly ended?: () => void;
  /** The source failed; the stream fails with the same error. */
  readonly failed?: (error: Error) => void;
  /** The reader wants no more; what still comes is thrown away unless this ends the source. */
  readonly cancelled?: () => void;
}

/** Bytes held for a reader that is slower than the source before the source is told to wait. */
const HIGH_WATER_MARK = 64 * 1024;

/** The source as a web stream. It starts flowing at once and waits when the reader is slow. */
export function readBytes(source: ByteSource, events: SourceEvents): ReadableStream<Uint8Array> {
  let over = false;
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const finish = (error: Error | undefined): void => {
    if (over) return;
    over = true;
    if (error) {
      controller.error(error);
      events.failed?.(error);
    } else {
      controller.close();
      events.ended?.();
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
        source.on('data', (chunk) => {
          if (over) return;
          controller.enqueue(chunk);
          if ((controller.desiredSize ?? 0) <= 0) source.pause();
        });
        source.on('end', () => finish(events.broken()));
        source.on('aborted', () => finish(events.broken() ?? new Error('The stream was reset')));
        source.on('error', finish);
        source.on('close', () => finish(events.broken() ?? new Error('The connection was lost')));
      },
      pull: () => void source.resume(),
      cancel() {
        if (over) return;
        over = true;
        source.resume();
        events.cancelled?.();
      },
    },
    { highWaterMark: HIGH_WATER_MARK, size: (chunk) => chunk?.byteLength ?? 0 },
  );
}

/**
 * Writes the stream's bytes to the sink, no faster than it takes them, without ending it. Resolves `true` when
 * all is written, `false` when the sink closed before, and rejects when the stream fails.
 */
export async function writeBytes(stream: ReadableStream<Uint8Array>, sink: ByteSink): Promise<boolean> {
  const reader = stream.getReader();
  let wake: (() => void) | undefined;
  let gone = sink.destroyed;
  const closed = (): void => {
    gone = true;
    wake?.();
    reader.cancel().catch(() => {});
  };
  const drained = (): void => wake?.();
  sink.on('close', closed);
  sink.on('drain', drained);
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (gone) {
        reader.cancel().catch(() => {});
        return false;
      }
      if (done) return true;
      if (value.byteLength === 0 || sink.write(value)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (gone) resolve();
      });
      wake = undefined;
    }
  } finally {
    sink.off('close', closed);
    sink.off('drain', drained);
  }
}
