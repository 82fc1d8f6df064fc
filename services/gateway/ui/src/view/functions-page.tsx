/** The functions: numbers of all, the list, and beside it the one that was chosen. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { FunctionReference } from "../api/types.ts";
import { useFunctions } from "../hooks/use-functions.ts";
import { useShortcuts } from "../hooks/use-shortcuts.ts";
import type { Route, Tab } from "../model/route.ts";
import { type Row, toKey, toTotals } from "../model/rows.ts";
import type { PageContext } from "./context.ts";
import { DeployDialog } from "./deploy-dialog.tsx";
import { Detail } from "./detail.tsx";
import { ErrorNotice } from "./error-notice.tsx";
import { focusRow, FunctionList } from "./function-list.tsx";
import { Summary } from "./summary.tsx";

export interface FunctionsPageProps {
  context: PageContext;
  selected: (FunctionReference & { tab: Tab }) | undefined;
  go: (route: Route) => void;
}

const NONE: ReadonlyMap<string, Row> = new Map();

export function FunctionsPage({ context, selected, go }: FunctionsPageProps): JSX.Element {
  const functions = useFunctions(context.shown);
  const filter = useRef<HTMLInputElement>(null);
  const [deploying, setDeploying] = useState<"new" | FunctionReference>();
  const rows = functions.value ?? NONE;
  const close = (): void => {
    if (selected === undefined) {
      return;
    }
    go({ page: "functions" });
    setTimeout(() => focusRow(toKey(selected)));
  };
  useShortcuts({
    "/": () => filter.current?.focus(),
    n: () => setDeploying("new"),
    Escape: () => (document.activeElement === filter.current ? filter.current?.blur() : close()),
  });
  const onDeployed = (reference: FunctionReference, verb: string): void => {
    context.tell(`${reference.name} ${verb}.`);
    functions.refresh();
    go({ page: "functions", selected: { ...reference, tab: "overview" } });
  };
  return (
    <div class={selected === undefined ? "functions" : "functions has-detail"}>
      <div class="functions-head">
        <Summary totals={functions.value && toTotals(functions.value.values())} />
        <ErrorNotice error={functions.error} />
      </div>
      <div class="functions-main">
        <FunctionList
          rows={rows}
          isLoaded={functions.value !== undefined}
          hasNamespaces={context.namespaces.length > 1}
          selectedKey={selected && toKey(selected)}
          filterInput={filter}
          onDeploy={() => setDeploying("new")}
        />
      </div>
      {selected !== undefined && (
        <Detail
          key={toKey(selected)}
          reference={selected}
          tab={selected.tab}
          row={rows.get(toKey(selected))}
          isLoaded={functions.value !== undefined}
          context={context}
          go={go}
          onClose={close}
          onChange={functions.refresh}
          onEdit={() => setDeploying(selected)}
        />
      )}
      {deploying !== undefined && (
        <DeployDialog
          context={context}
          {...(deploying !== "new" && { existing: deploying })}
          onDeployed={onDeployed}
          onClose={() => setDeploying(undefined)}
        />
      )}
    </div>
  );
}
