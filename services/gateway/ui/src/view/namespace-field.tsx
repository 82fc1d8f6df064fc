/** The choice of the namespace that something new belongs to. */
import type { JSX } from "preact";
import { Field } from "./field.tsx";

export interface NamespaceFieldProps {
  namespaces: readonly string[];
  value: string;
  isDisabled: boolean;
  onChange: (namespace: string) => void;
}

export function NamespaceField(props: NamespaceFieldProps): JSX.Element {
  const { namespaces, value, isDisabled, onChange } = props;
  return (
    <Field label="Namespace">
      {(ids) => (
        <select
          {...ids}
          class="input"
          value={value}
          disabled={isDisabled}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          {namespaces.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      )}
    </Field>
  );
}
