/** Secrets by name: they are written here and never shown. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { listSecrets, removeSecret } from "../api/system.ts";
import type { SecretReference } from "../api/types.ts";
import { usePolling } from "../hooks/use-polling.ts";
import { useShortcuts } from "../hooks/use-shortcuts.ts";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import type { PageContext } from "./context.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { Icon } from "./icons.tsx";
import { SecretDialog } from "./secret-dialog.tsx";

export function SecretsPage({ context }: { context: PageContext }): JSX.Element {
  const { shown, tell } = context;
  const secrets = usePolling(shown.join(","), async (signal) => {
    const lists = await Promise.all(shown.map((namespace) => listSecrets(namespace, signal)));
    return lists.flat();
  });
  const [writing, setWriting] = useState<"new" | SecretReference>();
  const [removing, setRemoving] = useState<SecretReference>();
  useShortcuts({ n: () => setWriting("new") });
  return (
    <section class="card secrets" aria-labelledby="secrets-title">
      <header class="list-tools">
        <h1 id="secrets-title">Secrets</h1>
        <button
          type="button"
          class="button is-primary"
          aria-keyshortcuts="n"
          onClick={() => setWriting("new")}
        >
          <Icon name="plus" />
          New secret
        </button>
      </header>
      <p class="muted intro">
        Functions read them as files. Values can be replaced, but never be read here.
      </p>
      <ErrorNotice error={secrets.error} />
      <SecretTable secrets={secrets.value} onReplace={setWriting} onRemove={setRemoving} />
      {writing !== undefined && (
        <SecretDialog
          context={context}
          {...(writing !== "new" && { existing: writing })}
          onDone={secrets.refresh}
          onClose={() => setWriting(undefined)}
        />
      )}
      {removing !== undefined && (
        <ConfirmDialog
          title={`Delete ${removing.name}?`}
          verb="Delete"
          work={() => removeSecret(removing)}
          onDone={() => {
            tell(`${removing.name} deleted.`);
            secrets.refresh();
          }}
          onClose={() => setRemoving(undefined)}
        >
          The secret <strong>{removing.name}</strong> in {removing.namespace} is removed. Functions
          that name it cannot start new pods without it.
        </ConfirmDialog>
      )}
    </section>
  );
}

interface SecretTableProps {
  secrets: readonly SecretReference[] | undefined;
  onReplace: (secret: SecretReference) => void;
  onRemove: (secret: SecretReference) => void;
}

function SecretTable({ secrets, onReplace, onRemove }: SecretTableProps): JSX.Element {
  if (secrets === undefined) {
    return <p class="empty">Loading…</p>;
  }
  if (secrets.length === 0) {
    return <p class="empty">There are no secrets yet.</p>;
  }
  return (
    <table class="secret-table">
      <thead>
        <tr>
          <th>Name</th>
          <th>Namespace</th>
          <th>
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {secrets.map((secret) => (
          <tr key={`${secret.namespace}/${secret.name}`}>
            <th scope="row">
              <Icon name="key" /> {secret.name}
            </th>
            <td>{secret.namespace}</td>
            <td class="row-actions">
              <button
                type="button"
                class="button is-quiet"
                aria-label={`Replace ${secret.name}`}
                onClick={() => onReplace(secret)}
              >
                Replace
              </button>
              <button
                type="button"
                class="button is-danger-quiet"
                aria-label={`Delete ${secret.name}`}
                onClick={() => onRemove(secret)}
              >
                Delete
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
