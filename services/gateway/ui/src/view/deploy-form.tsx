/** The fields of a deployment. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { listSecrets } from "../api/system.ts";
import type { DeployFields } from "../model/deployment.ts";
import { CodeEditor } from "./code-editor.tsx";
import { TextField } from "./field.tsx";
import { NamespaceField } from "./namespace-field.tsx";
import { Segmented } from "./segmented.tsx";

/** A DNS label that begins with a letter (RFC 1035), as the name of its Service has to. */
const NAME_PATTERN = "[a-z]([\\-a-z0-9]{0,61}[a-z0-9])?";

export interface DeployFormProps {
  fields: DeployFields;
  namespaces: readonly string[];
  isNew: boolean;
  onChange: (changes: Partial<DeployFields>) => void;
}

export function DeployForm({ fields, namespaces, isNew, onChange }: DeployFormProps): JSX.Element {
  return (
    <>
      <Segmented
        label="Source"
        options={{ image: "Container image", code: "JavaScript" }}
        value={fields.source}
        onChange={(source) => onChange({ source })}
      />
      <div class="columns">
        <TextField
          label="Name"
          hint="Lower-case letters, digits and dashes, a letter first"
          value={fields.name}
          isRequired
          isDisabled={!isNew}
          hasFocus={isNew}
          pattern={NAME_PATTERN}
          onChange={(name) => onChange({ name })}
        />
        <NamespaceField
          namespaces={namespaces}
          value={fields.namespace}
          isDisabled={!isNew}
          onChange={(namespace) => onChange({ namespace })}
        />
      </div>
      {fields.source === "image" ? (
        <TextField
          label="Image"
          placeholder="ghcr.io/openfaas/figlet:latest"
          value={fields.image}
          isRequired
          onChange={(image) => onChange({ image })}
        />
      ) : (
        <CodeEditor value={fields.code} onChange={(code) => onChange({ code })} />
      )}
      <details class="more-settings">
        <summary>Environment, secrets, labels, limits</summary>
        <Settings fields={fields} onChange={onChange} />
      </details>
    </>
  );
}

type SettingsProps = Pick<DeployFormProps, "fields" | "onChange">;

function Settings({ fields, onChange }: SettingsProps): JSX.Element {
  return (
    <>
      <TextField
        label="Environment"
        rows={3}
        isCode
        placeholder="NAME=value"
        value={fields.envVars}
        onChange={(envVars) => onChange({ envVars })}
      />
      <SecretChoice fields={fields} onChange={onChange} />
      <div class="columns">
        <TextField
          label="Labels"
          rows={3}
          isCode
          placeholder="com.openfaas.scale.max=20"
          value={fields.labels}
          onChange={(labels) => onChange({ labels })}
        />
        <TextField
          label="Annotations"
          rows={3}
          isCode
          placeholder="topic=orders"
          value={fields.annotations}
          onChange={(annotations) => onChange({ annotations })}
        />
      </div>
      <Resources fields={fields} onChange={onChange} />
      {fields.source === "image" && (
        <TextField
          label="Process"
          hint="The program that the watchdog runs, where the image does not say it"
          placeholder="optional"
          value={fields.envProcess}
          onChange={(envProcess) => onChange({ envProcess })}
        />
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={fields.readOnlyRootFilesystem}
          onChange={(event) => onChange({ readOnlyRootFilesystem: event.currentTarget.checked })}
        />
        The file system is read only, except for /tmp
      </label>
    </>
  );
}

const RESOURCES = [
  ["memoryRequest", "Memory request", "64Mi"],
  ["memoryLimit", "Memory limit", "128Mi"],
  ["cpuRequest", "CPU request", "50m"],
  ["cpuLimit", "CPU limit", "500m"],
] as const;

function Resources({ fields, onChange }: SettingsProps): JSX.Element {
  return (
    <div class="columns">
      {RESOURCES.map(([field, label, placeholder]) => (
        <TextField
          key={field}
          label={label}
          placeholder={placeholder}
          value={fields[field]}
          onChange={(value) => onChange({ [field]: value })}
        />
      ))}
    </div>
  );
}

function SecretChoice({ fields, onChange }: SettingsProps): JSX.Element {
  const { namespace, secrets } = fields;
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    listSecrets(namespace, stop.signal).then(
      (found) => setNames(found.map(({ name }) => name)),
      // A person who may not see secrets still sees those that the function has.
      () => setNames([]),
    );
    return () => stop.abort();
  }, [namespace]);
  const all = [...new Set([...names, ...secrets])].sort();
  const toggle = (name: string, isChosen: boolean): void => {
    const others = secrets.filter((each) => each !== name);
    onChange({ secrets: isChosen ? [...others, name] : others });
  };
  return (
    <fieldset class="checks">
      <legend>Secrets</legend>
      {all.length === 0 && <p class="hint">There are none in {namespace}.</p>}
      {all.map((name) => (
        <label key={name} class="check">
          <input
            type="checkbox"
            checked={secrets.includes(name)}
            onChange={(event) => toggle(name, event.currentTarget.checked)}
          />
          {name}
        </label>
      ))}
    </fieldset>
  );
}
