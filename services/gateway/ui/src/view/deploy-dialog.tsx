/** Deploys a new function, or changes one that exists. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { deploy, readFunction } from "../api/system.ts";
import type { FunctionReference } from "../api/types.ts";
import { type Action, useAction } from "../hooks/use-action.ts";
import { type DeployFields, emptyFields, toDeployment, toFields } from "../model/deployment.ts";
import { toOfferedFields } from "../model/store.ts";
import type { PageContext } from "./context.ts";
import { DeployForm } from "./deploy-form.tsx";
import { Dialog } from "./dialog.tsx";
import { ErrorNotice } from "./error-notice.tsx";
import { StoreChoice } from "./store-choice.tsx";

export interface DeployDialogProps {
  context: PageContext;
  /** The function to change; without it a new one is made. */
  existing?: FunctionReference;
  /** Told what was done: "deployed" or "updated". */
  onDeployed: (reference: FunctionReference, verb: string) => void;
  onClose: () => void;
}

export function DeployDialog(props: DeployDialogProps): JSX.Element {
  const { context, existing, onDeployed, onClose } = props;
  const [fields, setFields] = useState<DeployFields | undefined>(
    existing === undefined ? emptyFields(context.shown[0] ?? "") : undefined,
  );
  const loading = useAction();
  const action = useAction();
  useEffect(() => {
    if (existing === undefined) {
      return;
    }
    loading.run(async () => setFields(toFields(await readFunction(existing))));
  }, []);
  // A name that is taken is no mistake: the function may be meant to change.
  const isTaken = existing === undefined && action.error?.status === 409;
  const send = (isUpdate: boolean, close: () => void): void => {
    if (fields === undefined) {
      return;
    }
    const deployment = (): Promise<void> => deploy(toDeployment(fields), isUpdate);
    action.run(
      async () => deployment(),
      () => {
        close();
        const { namespace } = fields;
        onDeployed({ name: fields.name.trim(), namespace }, isUpdate ? "updated" : "deployed");
      },
    );
  };
  const title = existing === undefined ? "Deploy a function" : `Edit ${existing.name}`;
  return (
    <Dialog title={title} onClose={onClose} isWide>
      {(close) => (
        <form
          class="dialog-form"
          onSubmit={(event) => {
            event.preventDefault();
            send(existing !== undefined, close);
          }}
        >
          <div class="dialog-body">
            <ErrorNotice error={loading.error} />
            {fields !== undefined && existing === undefined && (
              <StoreChoice
                onChoose={(offer) => {
                  action.clear();
                  setFields(toOfferedFields(offer, fields.namespace));
                }}
              />
            )}
            {fields !== undefined && (
              <DeployForm
                fields={fields}
                namespaces={context.namespaces}
                isNew={existing === undefined}
                onChange={(changes) => {
                  if (isTaken) {
                    action.clear();
                  }
                  setFields({ ...fields, ...changes });
                }}
              />
            )}
          </div>
          <DeployFooter
            action={action}
            verb={existing === undefined ? "Deploy" : "Update"}
            isReady={fields !== undefined}
            {...(isTaken && { onUpdate: () => send(true, close) })}
            onCancel={close}
          />
        </form>
      )}
    </Dialog>
  );
}

interface FooterProps {
  action: Action;
  verb: string;
  isReady: boolean;
  /** For a name that is taken. */
  onUpdate?: () => void;
  onCancel: () => void;
}

function DeployFooter({ action, verb, isReady, onUpdate, onCancel }: FooterProps): JSX.Element {
  return (
    <footer class="dialog-footer">
      <ErrorNotice error={action.error} />
      <button type="button" class="button" onClick={onCancel}>
        Cancel
      </button>
      {onUpdate !== undefined && (
        <button type="button" class="button" onClick={onUpdate}>
          Update the existing one
        </button>
      )}
      <button type="submit" class="button is-primary" disabled={action.isRunning || !isReady}>
        {verb}
      </button>
    </footer>
  );
}
