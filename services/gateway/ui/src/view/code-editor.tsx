/** A text area for code: Tab indents until Esc gives the key back to the browser. */
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { MAX_CODE_BYTES } from "../model/deployment.ts";
import { breakLine, indent, type TextEdit } from "../model/edit-text.ts";
import { formatBytes } from "../model/format.ts";
import { Field } from "./field.tsx";

export interface CodeEditorProps {
  value: string;
  onChange: (value: string) => void;
}

export function CodeEditor({ value, onChange }: CodeEditorProps): JSX.Element {
  const area = useRef<HTMLTextAreaElement>(null);
  const [caret, setCaret] = useState<{ start: number; end: number }>();
  const [isTabFree, setIsTabFree] = useState(false);
  // The value that is set anew puts the caret at the end.
  useLayoutEffect(() => {
    if (caret !== undefined) {
      area.current?.setSelectionRange(caret.start, caret.end);
    }
  }, [caret]);
  const apply = (event: KeyboardEvent, edit: TextEdit): void => {
    event.preventDefault();
    onChange(edit.text);
    setCaret({ start: edit.start, end: edit.end });
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    const { value: text, selectionStart: start, selectionEnd: end } = event.currentTarget;
    if (event.key === "Tab" && !isTabFree) {
      apply(event, indent({ text, start, end }, event.shiftKey));
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      apply(event, breakLine({ text, start, end }));
    } else if (event.key === "Escape" && !isTabFree) {
      event.preventDefault();
      setIsTabFree(true);
    }
  };
  const bytes = new TextEncoder().encode(value).length;
  const hint = `A module: export default { fetch(request) }, or a function (event, context). Tab indents; Esc, then Tab leaves. ${formatBytes(bytes)} of ${formatBytes(MAX_CODE_BYTES)}.`;
  return (
    <Field label="Code" hint={hint}>
      {(ids) => (
        <textarea
          {...ids}
          ref={area}
          class={bytes > MAX_CODE_BYTES ? "input is-code is-invalid" : "input is-code"}
          rows={14}
          wrap="off"
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          aria-invalid={bytes > MAX_CODE_BYTES}
          required
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onBlur={() => setIsTabFree(false)}
        />
      )}
    </Field>
  );
}
