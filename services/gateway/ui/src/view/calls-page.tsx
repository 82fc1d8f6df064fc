/** Asynchronous calls: those that wait or run, and those that nobody tries any more. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import {
  CALL_STATES,
  type CallStateName,
  isFinal,
} from "../../../../../contract/queue/state-names.ts";
import { cancelCall, listCalls } from "../api/queue.ts";
import type { AsyncCall } from "../api/types.ts";
import { usePolling } from "../hooks/use-polling.ts";
import { formatAge } from "../model/format.ts";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import type { PageContext } from "./context.ts";
import { DeadLetters } from "./dead-letters.tsx";
import { ErrorNotice } from "./error-notice.tsx";

export function CallsPage({ context }: { context: PageContext }): JSX.Element {
  return (
    <>
      <Calls context={context} />
      <DeadLetters context={context} />
    </>
  );
}

function Calls({ context }: { context: PageContext }): JSX.Element {
  const { shown, tell } = context;
  const [state, setState] = useState<CallStateName>("queued");
  const [cancelling, setCancelling] = useState<AsyncCall>();
  const calls = usePolling(`${state} ${shown.join(",")}`, async (signal) => {
    const lists = shown.map((namespace) => listCalls(namespace, state, signal));
    return (await Promise.all(lists)).flat();
  });
  return (
    <section class="card calls" aria-labelledby="calls-title">
      <header class="list-tools">
        <h1 id="calls-title">Asynchronous calls</h1>
        <select
          class="input"
          aria-label="State"
          value={state}
          onChange={({ currentTarget }) => setState(currentTarget.value as CallStateName)}
        >
          {CALL_STATES.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </header>
      <ErrorNotice error={calls.error} />
      <CallTable calls={calls.value} state={state} onCancel={setCancelling} />
      {cancelling !== undefined && (
        <ConfirmDialog
          title="Cancel the call?"
          verb="Cancel the call"
          work={() => cancelCall(cancelling)}
          onDone={() => {
            tell("The call is cancelled.");
            calls.refresh();
          }}
          onClose={() => setCancelling(undefined)}
        >
          The call <code>{cancelling.id}</code> of <strong>{cancelling.functionName}</strong> is not
          run any more. If it runs, it is cut off.
        </ConfirmDialog>
      )}
    </section>
  );
}

interface CallTableProps {
  calls: readonly AsyncCall[] | undefined;
  state: CallStateName;
  onCancel: (call: AsyncCall) => void;
}

function CallTable({ calls, state, onCancel }: CallTableProps): JSX.Element {
  if (calls === undefined) {
    return <p class="empty">Loading…</p>;
  }
  if (calls.length === 0) {
    return <p class="empty">No call is {state}.</p>;
  }
  return (
    <table class="secret-table">
      <thead>
        <tr>
          <th>Function</th>
          <th>Call</th>
          <th>Accepted</th>
          <th>
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {calls.map((call) => (
          <tr key={call.id}>
            <th scope="row">
              {call.functionName}
              {call.path}
            </th>
            <td>
              <code>{call.id}</code>
              <div class="muted">{describe(call)}</div>
            </td>
            <td>{formatAge(call.acceptedAt ?? "", Date.now())}</td>
            <td class="row-actions">
              {!isFinal(call) && (
                <button
                  type="button"
                  class="button is-danger-quiet"
                  aria-label={`Cancel ${call.id}`}
                  onClick={() => onCancel(call)}
                >
                  Cancel
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What is known beside the state. */
function describe({ attempts, status, reason, nextAt }: AsyncCall): string {
  return [
    reason,
    status !== undefined && reason?.includes(String(status)) !== true ? `status ${status}` : "",
    attempts > 0 ? `${attempts} failed` : "",
    nextAt === undefined ? "" : `due ${new Date(nextAt).toLocaleString()}`,
  ]
    .filter(Boolean)
    .join(", ");
}
