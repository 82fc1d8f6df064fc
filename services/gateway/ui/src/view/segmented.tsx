/** A choice of few, side by side: radio buttons in one row. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

export interface SegmentedProps<T extends string> {
  label: string;
  options: Readonly<Record<T, string>>;
  value: T;
  onChange: (value: T) => void;
}

export function Segmented<T extends string>(props: SegmentedProps<T>): JSX.Element {
  const { label, options, value, onChange } = props;
  const name = useId();
  return (
    <fieldset class="segmented">
      <legend class="visually-hidden">{label}</legend>
      {(Object.keys(options) as T[]).map((option) => (
        <label key={option} class={option === value ? "is-chosen" : ""}>
          <input
            type="radio"
            name={name}
            checked={option === value}
            onChange={() => onChange(option)}
          />
          {options[option]}
        </label>
      ))}
    </fieldset>
  );
}
