/** Changes how many replicas a function has. */
import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { scale } from "../api/system.ts";
import { useAction } from "../hooks/use-action.ts";
import type { Row } from "../model/rows.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { Icon } from "./icons.tsx";
import { Replicas } from "./replicas.tsx";

/** Most replicas that the gateway takes. */
const MAX_REPLICAS = 1000;

export interface ScaleFormProps {
  row: Row;
  tell: (message: string) => void;
  onChange: () => void;
}

export function ScaleForm({ row, tell, onChange }: ScaleFormProps): JSX.Element {
  const [wanted, setWanted] = useState(row.desired);
  const action = useAction();
  // Another one's change is shown, unless this person is about to make one. Before the browser
  // draws: after that it would undo what somebody has typed meanwhile.
  useLayoutEffect(() => setWanted(row.desired), [row.desired]);
  const apply = (replicas: number): void => {
    action.run(
      () => scale(row, replicas),
      () => {
        tell(`${row.name} scales to ${replicas}.`);
        setWanted(replicas);
        onChange();
      },
    );
  };
  const clamp = (value: number): number => Math.min(MAX_REPLICAS, Math.max(0, value));
  return (
    <form
      class="scale"
      onSubmit={(event) => {
        event.preventDefault();
        apply(wanted);
      }}
    >
      <span class="scale-now">
        <Replicas ready={row.ready} desired={row.desired} /> <span class="muted">replicas</span>
      </span>
      <span class="stepper">
        <button
          type="button"
          class="button is-icon"
          aria-label="One replica less"
          disabled={wanted <= 0}
          onClick={() => setWanted(clamp(wanted - 1))}
        >
          <Icon name="minus" />
        </button>
        <input
          class="input"
          type="number"
          min={0}
          max={MAX_REPLICAS}
          required
          aria-label="Replicas"
          value={wanted}
          onInput={(event) => setWanted(clamp(Math.floor(event.currentTarget.valueAsNumber) || 0))}
        />
        <button
          type="button"
          class="button is-icon"
          aria-label="One replica more"
          onClick={() => setWanted(clamp(wanted + 1))}
        >
          <Icon name="plus" />
        </button>
      </span>
      <button type="submit" class="button" disabled={action.isRunning || wanted === row.desired}>
        Scale
      </button>
      <button
        type="button"
        class="button"
        disabled={action.isRunning || row.desired === 0}
        onClick={() => apply(0)}
      >
        To zero
      </button>
      <ErrorNotice error={action.error} />
    </form>
  );
}
