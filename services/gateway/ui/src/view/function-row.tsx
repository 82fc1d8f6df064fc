/** One function in the list. */
import type { JSX } from "preact";
import { formatErrors, formatNumber, formatSeconds } from "../model/format.ts";
import { toHash } from "../model/route.ts";
import { HISTORY_LENGTH, type Row } from "../model/rows.ts";
import { Replicas } from "./replicas.tsx";
import { Sparkline } from "./sparkline.tsx";

export interface FunctionRowProps {
  row: Row;
  hasNamespaces: boolean;
  isSelected: boolean;
  /** Whether Tab leads to this row of all. */
  isEntry: boolean;
  onFocus: () => void;
}

export function FunctionRow(props: FunctionRowProps): JSX.Element {
  const { row, hasNamespaces, isSelected, isEntry, onFocus } = props;
  const { name, namespace } = row;
  const href = toHash({ page: "functions", selected: { name, namespace, tab: "overview" } });
  return (
    <tr class={isSelected ? "is-selected" : ""}>
      <th scope="row" class="is-name">
        <a
          href={href}
          data-key={row.key}
          tabIndex={isEntry ? 0 : -1}
          onFocus={onFocus}
          {...(isSelected && { "aria-current": "true" as const })}
        >
          {name}
        </a>
        {hasNamespaces && <span class="namespace-tag">{namespace}</span>}
      </th>
      <td class="is-replicas">
        <Replicas ready={row.ready} desired={row.desired} />
      </td>
      <Figures row={row} />
    </tr>
  );
}

function Figures({ row: { stats, history } }: { row: Row }): JSX.Element {
  const calls = stats?.callsPerSecond ?? 0;
  const errors = stats?.errorsPerSecond ?? 0;
  return (
    <>
      <td class="is-calls">
        <Sparkline values={history} length={HISTORY_LENGTH} />
        <span>{stats === undefined ? "–" : formatNumber(calls)}</span>
      </td>
      <td class={errors > 0 ? "is-errors is-bad" : "is-errors"}>{formatErrors(errors, calls)}</td>
      <td class="is-p50">{formatSeconds(stats?.p50Seconds)}</td>
      <td class="is-p95">{formatSeconds(stats?.p95Seconds)}</td>
    </>
  );
}
