/** Numbers, times and sizes as people read them. */

/** Three digits at most: `0.25`, `3.1`, `120`, `1.2 k`. */
export function formatNumber(value: number): string {
  if (value >= 999_500) {
    return `${round(value / 1e6)} M`;
  }
  if (value >= 999.5) {
    return `${round(value / 1000)} k`;
  }
  return round(value);
}

function round(value: number): string {
  if (value === 0 || value >= 99.5) {
    return value.toFixed(0);
  }
  const digits = value >= 9.95 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

/** Seconds with the unit that fits: `850 µs`, `4.2 ms`, `1.5 s`. */
export function formatSeconds(seconds: number | undefined): string {
  if (seconds === undefined || Number.isNaN(seconds)) {
    return "–";
  }
  if (seconds < 0.001) {
    return `${(seconds * 1e6).toFixed(0)} µs`;
  }
  if (seconds < 0.9995) {
    return `${round(seconds * 1000)} ms`;
  }
  return `${round(seconds)} s`;
}

/** Share of calls that failed: `0 %`, `<0.1 %`, `2.5 %`; a dash where there were no calls. */
export function formatErrors(errors: number, calls: number): string {
  if (calls <= 0) {
    return "–";
  }
  const percent = (errors / calls) * 100;
  if (percent === 0) {
    return "0 %";
  }
  return percent < 0.1 ? "<0.1 %" : `${round(percent)} %`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  if (bytes < 1e6) {
    return `${round(bytes / 1000)} kB`;
  }
  return `${round(bytes / 1e6)} MB`;
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** How long ago it was: `3 minutes ago`. */
export function formatAge(time: string, now: number): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (Number.isNaN(seconds)) {
    return "";
  }
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ["second", 1];
  const format = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  return format.format(-Math.max(0, Math.floor(seconds / length)), unit);
}

/** Time of day with milliseconds, as a log shows it. */
export function formatTimeOfDay(timestamp: string): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) {
    return "";
  }
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
