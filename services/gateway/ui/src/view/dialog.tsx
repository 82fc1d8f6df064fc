/** A modal dialog: the browser's own, which holds the focus and gives it back. */
import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./icons.tsx";

export interface DialogProps {
  title: string;
  /** Told when it has been closed, by whatever way. */
  onClose: () => void;
  isWide?: boolean;
  children: (close: () => void) => ComponentChildren;
}

export function Dialog({ title, onClose, isWide, children }: DialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Before the browser draws: no key that is pressed meanwhile goes to what is behind it.
  useLayoutEffect(() => {
    dialog.current?.showModal();
    // By `autofocus` the browser would look for it before the dialog is open.
    dialog.current?.querySelector<HTMLElement>("[data-focus=true]")?.focus();
  }, []);
  const close = (): void => dialog.current?.close();
  return (
    <dialog
      ref={dialog}
      class={isWide === true ? "dialog is-wide" : "dialog"}
      aria-labelledby={titleId}
      onClose={onClose}
    >
      <header class="dialog-header">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="button is-icon" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      {children(close)}
    </dialog>
  );
}
