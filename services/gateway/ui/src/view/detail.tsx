/** One function: its overview, calls of it, its log. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { removeFunction } from "../api/system.ts";
import type { FunctionReference } from "../api/types.ts";
import type { Route, Tab } from "../model/route.ts";
import type { Row } from "../model/rows.ts";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import type { PageContext } from "./context.ts";
import { Icon } from "./icons.tsx";
import { InvokePanel } from "./invoke-panel.tsx";
import { LogPanel } from "./log-panel.tsx";
import { Overview } from "./overview.tsx";
import { TabList } from "./tab-list.tsx";

export interface DetailProps {
  reference: FunctionReference;
  tab: Tab;
  /** Undefined: not known yet, or gone. */
  row: Row | undefined;
  isLoaded: boolean;
  context: PageContext;
  go: (route: Route) => void;
  onClose: () => void;
  /** Told when the function has been changed. */
  onChange: () => void;
  onEdit: () => void;
}

export function Detail(props: DetailProps): JSX.Element {
  const { reference, tab, row, isLoaded, context, go, onClose, onChange, onEdit } = props;
  const { name, namespace } = reference;
  const [isDeleting, setIsDeleting] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => heading.current?.focus(), []);
  const onDeleted = (): void => {
    context.tell(`${name} deleted.`);
    onChange();
    onClose();
  };
  return (
    <section class="card detail" aria-label={`Function ${name}`}>
      <header class="detail-header">
        <button type="button" class="button is-icon back" aria-label="Back" onClick={onClose}>
          <Icon name="back" />
        </button>
        <h1 ref={heading} tabIndex={-1}>
          {name} <span class="namespace-tag">{namespace}</span>
        </h1>
        <button type="button" class="button" disabled={row === undefined} onClick={onEdit}>
          <Icon name="edit" />
          <span class="wide-only">Edit</span>
        </button>
        <button
          type="button"
          class="button is-danger-quiet"
          disabled={row === undefined}
          onClick={() => setIsDeleting(true)}
        >
          <Icon name="trash" />
          <span class="wide-only">Delete</span>
        </button>
        <button type="button" class="button is-icon close" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <TabList
        tab={tab}
        onTab={(next) => go({ page: "functions", selected: { ...reference, tab: next } })}
      />
      <div class="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {row === undefined && (
          <p class="empty">{isLoaded ? "There is no such function." : "Loading…"}</p>
        )}
        {row !== undefined && tab === "overview" && (
          <Overview row={row} tell={context.tell} onChange={onChange} />
        )}
        {/* Kept, so that what was typed and answered is there when one comes back. */}
        <div hidden={row === undefined || tab !== "invoke"}>
          <InvokePanel reference={reference} />
        </div>
        {row !== undefined && tab === "logs" && <LogPanel reference={reference} />}
      </div>
      {isDeleting && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          verb="Delete"
          work={() => removeFunction(reference)}
          onDone={onDeleted}
          onClose={() => setIsDeleting(false)}
        >
          The function <strong>{name}</strong> in {namespace} and its pods are removed. Calls of it
          are answered with 404 from then on.
        </ConfirmDialog>
      )}
    </section>
  );
}
