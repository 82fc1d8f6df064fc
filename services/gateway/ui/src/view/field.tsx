/** A form field with its label, and a hint that belongs to it. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

export interface FieldProps {
  label: string;
  hint?: string;
  children: (ids: { id: string; "aria-describedby"?: string }) => ComponentChildren;
}

export function Field({ label, hint, children }: FieldProps): JSX.Element {
  const id = useId();
  const hintId = `${id}-hint`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(hint !== undefined && { "aria-describedby": hintId }) })}
      {hint !== undefined && (
        <p class="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}

export interface TextFieldProps {
  label: string;
  hint?: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  isRequired?: boolean;
  isDisabled?: boolean;
  /** Regular expression of the whole value. */
  pattern?: string;
  /** More than one makes it a text area. */
  rows?: number;
  isCode?: boolean;
  hasFocus?: boolean;
}

export function TextField(props: TextFieldProps): JSX.Element {
  const { label, hint, value, onChange, rows = 1, isCode, pattern } = props;
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      {(ids) => {
        const shared = {
          ...ids,
          class: isCode === true ? "input is-code" : "input",
          value,
          placeholder: props.placeholder ?? "",
          required: props.isRequired === true,
          disabled: props.isDisabled === true,
          "data-focus": props.hasFocus,
          autocomplete: "off",
          spellcheck: false,
        };
        return rows > 1 ? (
          <textarea {...shared} rows={rows} onInput={(e) => onChange(e.currentTarget.value)} />
        ) : (
          <input
            {...shared}
            {...(pattern !== undefined && { pattern })}
            onInput={(e) => onChange(e.currentTarget.value)}
          />
        );
      }}
    </Field>
  );
}
