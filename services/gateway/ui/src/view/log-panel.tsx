/** A function's log as it is written. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { FunctionReference } from "../api/types.ts";
import { type LogLine, type Logs, useLogs } from "../hooks/use-logs.ts";
import { formatTimeOfDay } from "../model/format.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { Icon } from "./icons.tsx";

/** How near the end one must be to be taken along, pixels. */
const NEAR_END = 40;

export function LogPanel({ reference }: { reference: FunctionReference }): JSX.Element {
  const [tail, setTail] = useState(100);
  const [instance, setInstance] = useState("");
  const [isPaused, setIsPaused] = useState(false);
  const [filter, setFilter] = useState("");
  const seen = useRef(new Set<string>());
  const query = { ...reference, tail, ...(instance !== "" && { instance }) };
  const logs = useLogs(query, isPaused);
  logs.lines.forEach((line) => seen.current.add(line.instance));
  const wanted = filter.toLowerCase();
  const shown = logs.lines.filter(({ text }) => text.toLowerCase().includes(wanted));
  return (
    <div class="logs">
      <div class="log-tools">
        <input
          class="input"
          type="search"
          placeholder="Filter lines"
          aria-label="Filter lines"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <select
          class="input"
          aria-label="Instance"
          value={instance}
          onChange={(event) => setInstance(event.currentTarget.value)}
        >
          <option value="">All instances</option>
          {[...seen.current].sort().map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
        <select
          class="input"
          aria-label="Lines to begin with"
          value={tail}
          onChange={(event) => setTail(Number(event.currentTarget.value))}
        >
          <option value={100}>Last 100</option>
          <option value={1000}>Last 1000</option>
          <option value={0}>All</option>
        </select>
        <button type="button" class="button" onClick={() => setIsPaused(!isPaused)}>
          <Icon name={isPaused ? "play" : "pause"} />
          {isPaused ? "Resume" : "Pause"}
        </button>
        <button type="button" class="button" onClick={logs.clear}>
          Clear
        </button>
      </div>
      <ErrorNotice error={logs.error} />
      <Lines lines={shown} isPaused={isPaused} />
      <StateLine logs={logs} isPaused={isPaused} shown={shown.length} />
    </div>
  );
}

function StateLine(props: { logs: Logs; isPaused: boolean; shown: number }): JSX.Element {
  const { logs, isPaused, shown } = props;
  if (logs.state === "ended") {
    return (
      <p class="log-state">
        The log has ended.{" "}
        <button type="button" class="button" onClick={logs.reconnect}>
          Reconnect
        </button>
      </p>
    );
  }
  const words = { connecting: "Connecting…", following: isPaused ? "Paused" : "Following" };
  const dot = logs.state === "following" && !isPaused ? "is-ready" : "is-off";
  return (
    <p class="log-state">
      <span class={`dot ${dot}`} aria-hidden="true" /> {words[logs.state]}
      <span class="muted"> · {shown} lines</span>
    </p>
  );
}

function Lines({ lines, isPaused }: { lines: readonly LogLine[]; isPaused: boolean }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  // Before the browser tells of the last scroll: by then further lines would look like a way up.
  useLayoutEffect(() => {
    if (isAtEnd.current && !isPaused) {
      box.current?.scrollTo({ top: box.current.scrollHeight });
    }
  });
  const onScroll = (): void => {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = box.current ?? {};
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
  };
  return (
    <div
      ref={box}
      class="log-lines"
      role="log"
      aria-live="off"
      aria-label="Log"
      tabIndex={0}
      onScroll={onScroll}
    >
      {lines.map(({ id, timestamp, instance, text }) => (
        <div key={id} class="log-line">
          <time dateTime={timestamp}>{formatTimeOfDay(timestamp)}</time>
          <span class="instance" title={instance}>
            {instance.slice(-5)}
          </span>
          <span class="log-text">{text}</span>
        </div>
      ))}
    </div>
  );
}
