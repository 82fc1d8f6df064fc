/** Writes a secret: a new one, or another value for one that exists. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { writeSecret } from "../api/system.ts";
import type { SecretReference } from "../api/types.ts";
import { useAction } from "../hooks/use-action.ts";
import type { PageContext } from "./context.ts";
import { Dialog } from "./dialog.tsx";
import { ErrorNotice } from "./error-notice.tsx";
import { Field, TextField } from "./field.tsx";
import { NamespaceField } from "./namespace-field.tsx";

const NAME_PATTERN = "[a-z0-9]([\\-.a-z0-9]{0,251}[a-z0-9])?";

export interface SecretDialogProps {
  context: PageContext;
  /** The secret whose value is replaced; without it a new one is made. */
  existing?: SecretReference;
  onDone: () => void;
  onClose: () => void;
}

export function SecretDialog(props: SecretDialogProps): JSX.Element {
  const { context, existing, onDone, onClose } = props;
  const [name, setName] = useState(existing?.name ?? "");
  const [namespace, setNamespace] = useState(existing?.namespace ?? context.shown[0] ?? "");
  const [value, setValue] = useState("");
  const action = useAction();
  const onSubmit = (close: () => void): void => {
    action.run(
      () => writeSecret({ name, namespace, value }, existing !== undefined),
      () => {
        context.tell(`${name} ${existing === undefined ? "created" : "replaced"}.`);
        close();
        onDone();
      },
    );
  };
  return (
    <Dialog title={existing === undefined ? "New secret" : `Replace ${name}`} onClose={onClose}>
      {(close) => (
        <form
          class="dialog-form"
          onSubmit={(event) => {
            event.preventDefault();
            onSubmit(close);
          }}
        >
          <div class="dialog-body">
            <div class="columns">
              <TextField
                label="Name"
                value={name}
                isRequired
                isDisabled={existing !== undefined}
                hasFocus={existing === undefined}
                pattern={NAME_PATTERN}
                onChange={setName}
              />
              <NamespaceField
                namespaces={context.namespaces}
                value={namespace}
                isDisabled={existing !== undefined}
                onChange={setNamespace}
              />
            </div>
            <ValueField value={value} hasFocus={existing !== undefined} onChange={setValue} />
          </div>
          <footer class="dialog-footer">
            <ErrorNotice error={action.error} />
            <button type="button" class="button" onClick={close}>
              Cancel
            </button>
            <button type="submit" class="button is-primary" disabled={action.isRunning}>
              {existing === undefined ? "Create" : "Replace"}
            </button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

interface ValueFieldProps {
  value: string;
  hasFocus: boolean;
  onChange: (value: string) => void;
}

function ValueField({ value, hasFocus, onChange }: ValueFieldProps): JSX.Element {
  const [isShown, setIsShown] = useState(false);
  return (
    <>
      <Field label="Value" hint="Several lines are fine, e.g. a key file.">
        {(ids) => (
          <textarea
            {...ids}
            class={isShown ? "input is-code" : "input is-code is-hidden-text"}
            rows={4}
            required
            data-focus={hasFocus}
            autocomplete="off"
            spellcheck={false}
            value={value}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )}
      </Field>
      <label class="check">
        <input
          type="checkbox"
          checked={isShown}
          onChange={(event) => setIsShown(event.currentTarget.checked)}
        />
        Show what I type
      </label>
    </>
  );
}
