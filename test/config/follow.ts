/** A source at work, for tests: what it says is waited for, not slept for. */
import type { ConfigSource, SourceSnapshot, SourceState } from '../../config/source.ts';

/** See the fields. */
export interface Following {
  /** Resolves with the first snapshot. */
  readonly started: Promise<void>;
  readonly states: readonly SourceState[];
  latest(): SourceSnapshot;
  /** Resolves once it holds; looked at when the source has said something. */
  until(what: () => boolean): Promise<void>;
  untilState(state: SourceState['state']): Promise<void>;
  /** Ends the source. */
  stop(): void;
}

/** Starts a source and keeps what it says. */
export function follow(source: ConfigSource): Following {
  const aborting = new AbortController();
  const snapshots: SourceSnapshot[] = [];
  const states: SourceState[] = [];
  let wake = () => {};
  const started = source.start(
    async (snapshot) => {
      snapshots.push(snapshot);
      wake();
    },
    aborting.signal,
    (state) => {
      states.push(state);
      wake();
    },
  );
  const until = async (what: () => boolean) => {
    while (!what()) await new Promise<void>((done) => (wake = done));
  };
  return {
    started,
    states,
    latest: () => snapshots.at(-1)!,
    until,
    untilState: (state) => until(() => states.at(-1)?.state === state),
    stop: () => aborting.abort(),
  };
}
