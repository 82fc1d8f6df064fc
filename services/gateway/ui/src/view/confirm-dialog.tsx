/** Asks before something is done that cannot be undone. */
import type { ComponentChildren, JSX } from "preact";
import { useAction } from "../hooks/use-action.ts";
import { Dialog } from "./dialog.tsx";
import { ErrorNotice } from "./error-notice.tsx";

export interface ConfirmDialogProps {
  title: string;
  /** On the button that does it. */
  verb: string;
  work: () => Promise<void>;
  onDone: () => void;
  onClose: () => void;
  children: ComponentChildren;
}

export function ConfirmDialog(props: ConfirmDialogProps): JSX.Element {
  const { title, verb, work, onDone, onClose, children } = props;
  const action = useAction();
  return (
    <Dialog title={title} onClose={onClose}>
      {(close) => {
        const onSubmit = (event: Event): void => {
          event.preventDefault();
          action.run(work, () => {
            close();
            onDone();
          });
        };
        return (
          <form class="dialog-body" onSubmit={onSubmit}>
            <p>{children}</p>
            <ErrorNotice error={action.error} />
            <footer class="dialog-footer">
              <button type="button" class="button" onClick={close} data-focus={true}>
                Cancel
              </button>
              <button type="submit" class="button is-danger" disabled={action.isRunning}>
                {verb}
              </button>
            </footer>
          </form>
        );
      }}
    </Dialog>
  );
}
