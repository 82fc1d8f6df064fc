/** Keys that work everywhere on the page, except while somebody types or a dialog is open. */
import { useLayoutEffect, useRef } from "preact/hooks";

export type Shortcuts = Readonly<Record<string, () => void>>;

export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const action = latest.current[event.key];
      const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
      if (action === undefined || hasModifier || event.defaultPrevented) {
        return;
      }
      if (document.querySelector("dialog[open]") !== null) {
        return;
      }
      if (event.key !== "Escape" && isTyping(event.target)) {
        return;
      }
      event.preventDefault();
      action();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select") !== null;
}
