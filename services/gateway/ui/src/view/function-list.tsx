/** The list of functions: filter, order, and the arrow keys. */
import type { JSX, RefObject } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type Column, type Order, type Row, selectRows } from "../model/rows.ts";
import { FunctionRow } from "./function-row.tsx";
import { Icon } from "./icons.tsx";

/** Rows that are shown at first, and that each "more" adds: a browser is slow with thousands. */
const PAGE_LENGTH = 200;

export interface FunctionListProps {
  rows: ReadonlyMap<string, Row>;
  isLoaded: boolean;
  hasNamespaces: boolean;
  selectedKey: string | undefined;
  filterInput: RefObject<HTMLInputElement | null>;
  onDeploy: () => void;
}

export function FunctionList(props: FunctionListProps): JSX.Element {
  const { rows, isLoaded, hasNamespaces, selectedKey, filterInput, onDeploy } = props;
  const [filter, setFilter] = useState("");
  const [order, setOrder] = useState<Order>({ column: "name", isDescending: false });
  const [length, setLength] = useState(PAGE_LENGTH);
  const [focusedKey, setFocusedKey] = useState<string>();
  const found = useMemo(() => selectRows(rows.values(), filter, order), [rows, filter, order]);
  const shown = found.slice(0, length);
  const isShown = (key: string | undefined): boolean => shown.some((row) => row.key === key);
  const entry = [focusedKey, selectedKey].find(isShown) ?? shown[0]?.key;
  return (
    <section class="card list" aria-label="Functions">
      <div class="list-tools">
        <div class="search">
          <Icon name="search" />
          <input
            ref={filterInput}
            class="input"
            type="search"
            placeholder="Filter by name, namespace or image"
            aria-label="Filter functions"
            aria-keyshortcuts="/"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
          <kbd aria-hidden="true">/</kbd>
        </div>
        <button type="button" class="button is-primary" aria-keyshortcuts="n" onClick={onDeploy}>
          <Icon name="plus" />
          Deploy
        </button>
      </div>
      {found.length > 0 && (
        <table class="function-table">
          <ListHead order={order} onOrder={setOrder} />
          <tbody onKeyDown={moveByKey}>
            {shown.map((row) => (
              <FunctionRow
                key={row.key}
                row={row}
                hasNamespaces={hasNamespaces}
                isSelected={row.key === selectedKey}
                isEntry={row.key === entry}
                onFocus={() => setFocusedKey(row.key)}
              />
            ))}
          </tbody>
        </table>
      )}
      {found.length > shown.length && (
        <button type="button" class="button more" onClick={() => setLength(length + PAGE_LENGTH)}>
          Show more ({found.length - shown.length} left)
        </button>
      )}
      {found.length === 0 && (
        <EmptyList isLoaded={isLoaded} isFiltered={rows.size > 0} onDeploy={onDeploy} />
      )}
      <p class="visually-hidden" role="status">
        {filter !== "" && `${found.length} of ${rows.size} functions`}
      </p>
    </section>
  );
}

const HEADINGS: readonly { column: Column; label: string; isNumber: boolean }[] = [
  { column: "name", label: "Name", isNumber: false },
  { column: "replicas", label: "Replicas", isNumber: true },
  { column: "calls", label: "Calls/s", isNumber: true },
  { column: "errors", label: "Errors", isNumber: true },
  { column: "p50", label: "p50", isNumber: true },
  { column: "p95", label: "p95", isNumber: true },
];

function ListHead(props: { order: Order; onOrder: (order: Order) => void }): JSX.Element {
  const { order, onOrder } = props;
  return (
    <thead>
      <tr>
        {HEADINGS.map(({ column, label, isNumber }) => {
          const isChosen = order.column === column;
          const direction = order.isDescending ? "descending" : "ascending";
          // Numbers are asked for to see the largest ones.
          const isDescending = isChosen ? !order.isDescending : isNumber;
          return (
            <th key={column} class={`is-${column}`} aria-sort={isChosen ? direction : "none"}>
              <button type="button" onClick={() => onOrder({ column, isDescending })}>
                {label}
                <span aria-hidden="true">{isChosen ? (order.isDescending ? " ↓" : " ↑") : ""}</span>
              </button>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

interface EmptyListProps {
  isLoaded: boolean;
  isFiltered: boolean;
  onDeploy: () => void;
}

function EmptyList({ isLoaded, isFiltered, onDeploy }: EmptyListProps): JSX.Element {
  if (!isLoaded) {
    return <p class="empty">Loading…</p>;
  }
  if (isFiltered) {
    return <p class="empty">No function matches the filter.</p>;
  }
  return (
    <div class="empty">
      <p>There are no functions yet.</p>
      <button type="button" class="button is-primary" onClick={onDeploy}>
        Deploy the first one
      </button>
    </div>
  );
}

function moveByKey(event: KeyboardEvent): void {
  const body = event.currentTarget as HTMLElement;
  const links = [...body.querySelectorAll<HTMLElement>("a[data-key]")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: Math.min(at + 1, links.length - 1),
    ArrowUp: Math.max(at - 1, 0),
    Home: 0,
    End: links.length - 1,
  };
  const target = targets[event.key];
  if (target === undefined) {
    return;
  }
  event.preventDefault();
  links[target]?.focus();
}

/** Puts the focus on a function's row, e.g. when its detail has been closed. */
export function focusRow(key: string): void {
  document.querySelector<HTMLElement>(`a[data-key="${CSS.escape(key)}"]`)?.focus();
}
