/** Copies a text, and says that it did. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

const CONFIRMED_MS = 1500;

const WORDS = { idle: "Copy", copied: "Copied", failed: "Not allowed" } as const;

export function CopyButton({ text, label }: { text: string; label: string }): JSX.Element {
  const [outcome, setOutcome] = useState<"copied" | "failed">();
  useEffect(() => {
    if (outcome === undefined) {
      return undefined;
    }
    const timer = setTimeout(() => setOutcome(undefined), CONFIRMED_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const onClick = (): void => {
    copy(text).then(
      () => setOutcome("copied"),
      () => setOutcome("failed"),
    );
  };
  return (
    <button type="button" class="button is-quiet" onClick={onClick} aria-label={label}>
      <Icon name={outcome === "copied" ? "check" : "copy"} />
      <span role="status">{WORDS[outcome ?? "idle"]}</span>
    </button>
  );
}

/** The old way is marked as deprecated, but is the only one by plain HTTP. */
interface OldDocument {
  execCommand: (name: "copy") => boolean;
}

/** Browsers have a clipboard for pages by HTTPS or on this machine only. */
async function copy(text: string): Promise<void> {
  if (isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = (document as unknown as OldDocument).execCommand("copy");
  area.remove();
  if (!isCopied) {
    throw new Error("not allowed");
  }
}
