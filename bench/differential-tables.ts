/** What a comparison of proxies has found, as Markdown. */
import type { Comparison, Difference } from "../test/fuzz/differential.ts";

/** From how many cases a kind is shown where the gateway is the stricter one. */
const FREQUENT = 40;

interface Row {
  kind: string;
  cases: number;
  gateway: number;
  go: number;
  nginx: number;
  haproxy: number;
  example: string;
}

function toRows(differences: readonly Difference[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { kind, gateway, references, sent } of differences) {
    const row = rows.get(kind) ?? {
      ...{ kind, cases: 0, gateway: 0, go: 0, nginx: 0, haproxy: 0, example: sent },
    };
    row.cases += 1;
    row.gateway += gateway;
    row.go += references.go;
    row.nginx += references.nginx;
    row.haproxy += references.haproxy;
    if (sent.length < row.example.length) {
      row.example = sent;
    }
    rows.set(kind, row);
  }
  return [...rows.values()].sort((a, b) => b.cases - a.cases);
}

/** The shortest case in which it was seen, cut to what a table can show. */
function toExample(sent: string): string {
  const text = JSON.stringify(sent).slice(1, -1).replaceAll("|", "\\|").replaceAll("`", "'");
  const shown = text.replace(/[\x7f-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
  return `\`${shown.length > 90 ? `${shown.slice(0, 90)}…` : shown}\``;
}

/** A table of the rows, of those with at least `least` cases; a line counts the others. */
function toTable(differences: readonly Difference[], least = 1): string {
  const all = toRows(differences);
  const shown = all.filter(({ cases }) => cases >= least);
  const rest = all.slice(shown.length);
  const rows = shown.map(
    ({ kind, cases, gateway, go, nginx, haproxy, example }) =>
      `| ${kind} | ${cases} | ${gateway} | ${go} | ${nginx} | ${haproxy} | ${toExample(example)} |`,
  );
  return [
    "| first answer: strictest reading | cases | gateway | Go | nginx | haproxy | shortest case |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    ...(rest.length === 0 ? [] : ["", toRest(rest, least)]),
  ].join("\n");
}

function toRest(rest: readonly Row[], least: number): string {
  const cases = rest.reduce((sum, row) => sum + row.cases, 0);
  return `${rest.length} more kinds, with fewer than ${least} cases each (${cases} in all), are left out.`;
}

/** Both tables and their totals; of the second the most frequent rows. */
export function toTables({ cases, same, laxer, stricter }: Comparison): string {
  return [
    `${cases} cases: in ${same} the gateway passed on as many calls as the others, in ` +
      `${stricter.length} fewer than one of them, in ${laxer.length} more than the strictest.`,
    "### More than the strictest",
    laxer.length === 0 ? "None." : toTable(laxer),
    "### Fewer than the most generous",
    stricter.length === 0 ? "None." : toTable(stricter, FREQUENT),
  ].join("\n\n");
}
