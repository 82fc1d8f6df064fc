/** Shows what is being acquired: a live line per tool on a terminal, plain lines elsewhere. */

/** Interval at which live lines are redrawn, milliseconds. */
const REDRAW_MILLISECONDS = 200;
/** Without a terminal, a step that is silent for this long is printed again, milliseconds. */
const HEARTBEAT_MILLISECONDS = 15_000;

export interface Task {
  /** Shows the current step, a short phrase. */
  report: (message: string) => void;
  /** Progress of a download. `total` is undefined when the server does not send it. */
  bytes: (done: number, total: number | undefined) => void;
  end: () => void;
}

export interface Progress {
  start(name: string): Task;
  /** Prints a permanent line. */
  note(line: string): void;
}

/** Where progress is written, e.g. `process.stderr`. */
export interface ProgressStream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

/** Shows nothing. */
export const silentProgress: Progress = {
  start: () => ({ report: () => undefined, bytes: () => undefined, end: () => undefined }),
  note: () => undefined,
};

interface Line {
  name: string;
  message: string;
  amount: string;
  startedAt: number;
  /** When a plain line was last written about it. */
  saidAt: number;
}

function toAmount(done: number, total: number | undefined): string {
  const megabytes = (count: number): string => (count / 1e6).toFixed(1);
  return total === undefined
    ? ` ${megabytes(done)} MB`
    : ` ${megabytes(done)} of ${megabytes(total)} MB (${Math.floor((100 * done) / Math.max(total, 1))}%)`;
}

function toElapsed(since: number): string {
  const seconds = Math.floor((Date.now() - since) / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function toText(line: Line): string {
  return `${line.name}: ${line.message}${line.amount}, ${toElapsed(line.startedAt)}`;
}

interface Surface {
  /** A step has begun. */
  said(line: Line): void;
  note(text: string): void;
  /** Called periodically while a task is running, and once after the last has ended. */
  tick(): void;
}

function createTerminalSurface(stream: ProgressStream, lines: ReadonlySet<Line>): Surface {
  let drawn = 0;
  const erase = (): string => (drawn === 0 ? "" : `\x1b[${drawn}A\x1b[0J`);
  const draw = (above: string): void => {
    const width = Math.max((stream.columns ?? 80) - 1, 20);
    const texts = [...lines].map((line) => `${toText(line).slice(0, width)}\n`);
    stream.write(erase() + above + texts.join(""));
    drawn = texts.length;
  };
  return { said: () => draw(""), note: (text) => draw(`${text}\n`), tick: () => draw("") };
}

function createPlainSurface(stream: ProgressStream, lines: ReadonlySet<Line>): Surface {
  const say = (line: Line, text: string): void => {
    line.saidAt = Date.now();
    stream.write(`${text}\n`);
  };
  return {
    said: (line) => say(line, `${line.name}: ${line.message}`),
    note: (text) => stream.write(`${text}\n`),
    tick: () => {
      for (const line of lines) {
        if (Date.now() - line.saidAt >= HEARTBEAT_MILLISECONDS) {
          say(line, toText(line));
        }
      }
    },
  };
}

/** Shows any number of parallel tasks on one stream. */
export function createProgress(stream: ProgressStream): Progress {
  const lines = new Set<Line>();
  const surface =
    stream.isTTY === true
      ? createTerminalSurface(stream, lines)
      : createPlainSurface(stream, lines);
  let timer: NodeJS.Timeout | undefined;
  const begin = (line: Line): void => {
    lines.add(line);
    timer ??= setInterval(() => surface.tick(), REDRAW_MILLISECONDS).unref();
  };
  const end = (line: Line): void => {
    lines.delete(line);
    surface.tick();
    if (lines.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
  return {
    note: (text) => surface.note(text),
    start: (name) => {
      const line: Line = {
        name,
        message: "",
        amount: "",
        startedAt: Date.now(),
        saidAt: Date.now(),
      };
      return {
        report: (message) => {
          Object.assign(line, { message, amount: "" });
          begin(line);
          surface.said(line);
        },
        bytes: (done, total) => {
          line.amount = toAmount(done, total);
        },
        end: () => end(line),
      };
    },
  };
}

let shared: Progress | undefined;

/** The progress that all acquisitions of this process share, as they share the terminal. */
export function terminalProgress(): Progress {
  return (shared ??= createProgress(process.stderr));
}
