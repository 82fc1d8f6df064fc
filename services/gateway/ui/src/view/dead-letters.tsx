/** Dead letters: why nobody tries them any more; they are sent again, or deleted. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { listLetters, redriveLetter, removeLetter } from "../api/queue.ts";
import type { DeadLetterSummary } from "../api/types.ts";
import { useAction } from "../hooks/use-action.ts";
import { usePolling } from "../hooks/use-polling.ts";
import { formatAge } from "../model/format.ts";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import type { PageContext } from "./context.ts";
import { ErrorNotice } from "./error-notice.tsx";

export function DeadLetters({ context }: { context: PageContext }): JSX.Element {
  const { shown, tell } = context;
  const redriving = useAction();
  const [removing, setRemoving] = useState<DeadLetterSummary>();
  const letters = usePolling(shown.join(","), async (signal) => {
    const lists = await Promise.all(shown.map((namespace) => listLetters(namespace, signal)));
    return lists.flat();
  });
  const redrive = (letter: DeadLetterSummary): void => {
    redriving.run(
      () => redriveLetter(letter),
      () => {
        tell(`Dead letter ${letter.sequence} is in the queue again.`);
        letters.refresh();
      },
    );
  };
  return (
    <section class="card calls" aria-labelledby="letters-title">
      <header class="list-tools">
        <h1 id="letters-title">Dead letters</h1>
      </header>
      <p class="muted intro">Calls and callbacks that nobody tries any more.</p>
      <ErrorNotice error={redriving.error ?? letters.error} />
      <LetterTable letters={letters.value} onRedrive={redrive} onRemove={setRemoving} />
      {removing !== undefined && (
        <ConfirmDialog
          title={`Delete dead letter ${removing.sequence}?`}
          verb="Delete"
          work={() => removeLetter(removing)}
          onDone={() => {
            tell(`Dead letter ${removing.sequence} deleted.`);
            letters.refresh();
          }}
          onClose={() => setRemoving(undefined)}
        >
          What it holds cannot be sent again.
        </ConfirmDialog>
      )}
    </section>
  );
}

interface LetterTableProps {
  letters: readonly DeadLetterSummary[] | undefined;
  onRedrive: (letter: DeadLetterSummary) => void;
  onRemove: (letter: DeadLetterSummary) => void;
}

function LetterTable({ letters, onRedrive, onRemove }: LetterTableProps): JSX.Element {
  if (letters === undefined) {
    return <p class="empty">Loading…</p>;
  }
  if (letters.length === 0) {
    return <p class="empty">There are no dead letters.</p>;
  }
  return (
    <table class="secret-table">
      <thead>
        <tr>
          <th>Function</th>
          <th>Reason</th>
          <th>Died</th>
          <th>
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {letters.map((letter) => (
          <tr key={letter.sequence}>
            <th scope="row">
              {letter.functionName ?? "–"}
              {letter.path}
            </th>
            <td>
              {letter.kind === "callback" && `callback to ${letter.callbackHost ?? ""}: `}
              {letter.reason}
            </td>
            <td>{formatAge(letter.diedAt, Date.now())}</td>
            <td class="row-actions">
              {letter.kind !== "malformed" && (
                <button
                  type="button"
                  class="button is-quiet"
                  aria-label={`Send again ${letter.sequence}`}
                  onClick={() => onRedrive(letter)}
                >
                  Send again
                </button>
              )}
              <button
                type="button"
                class="button is-danger-quiet"
                aria-label={`Delete ${letter.sequence}`}
                onClick={() => onRemove(letter)}
              >
                Delete
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
