/** Calls a function with what a person types, and shows what it answers. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Answer, type Call, functionPath, invoke } from "../api/invoke.ts";
import type { FunctionReference } from "../api/types.ts";
import { useAction } from "../hooks/use-action.ts";
import { parsePairs } from "../model/pairs.ts";
import { AnswerView } from "./answer-view.tsx";
import { ErrorNotice } from "./error-notice.tsx";
import { Field, TextField } from "./field.tsx";
import { Icon } from "./icons.tsx";
import { Segmented } from "./segmented.tsx";

const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const CONTENT_TYPES = [
  "application/json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "application/octet-stream",
];

interface Fields extends Omit<Call, keyof FunctionReference | "headers"> {
  /** Lines of `Name: value`. */
  headers: string;
}

const INITIAL: Fields = {
  method: "POST",
  path: "",
  headers: "",
  contentType: "text/plain",
  body: "",
  isAsync: false,
  callbackUrl: "",
};

export function InvokePanel({ reference }: { reference: FunctionReference }): JSX.Element {
  const [fields, setFields] = useState(INITIAL);
  const [answer, setAnswer] = useState<Answer>();
  const stop = useRef<AbortController>(undefined);
  const action = useAction();
  const change = (changes: Partial<Fields>): void => setFields({ ...fields, ...changes });
  const send = (): void => {
    const { signal } = (stop.current = new AbortController());
    action.run(async () => {
      setAnswer(undefined);
      const headers = parsePairs(fields.headers, ":");
      const call = { ...fields, ...reference, headers };
      if (call.isAsync) {
        call.method = "POST";
      }
      setAnswer(await invoke(call, signal).catch(explainStop(signal)));
    });
  };
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!action.isRunning) {
        send();
      }
    }
  };
  return (
    <>
      <form class="invoke" onSubmit={onSubmit} onKeyDown={onKeyDown}>
        <Segmented
          label="How to call"
          options={{ sync: "Wait for the answer", async: "Queue it" }}
          value={fields.isAsync ? "async" : "sync"}
          onChange={(value) => change({ isAsync: value === "async" })}
        />
        <Target reference={reference} fields={fields} change={change} />
        {fields.isAsync && (
          <TextField
            label="Callback URL"
            placeholder="optional"
            value={fields.callbackUrl}
            onChange={(callbackUrl) => change({ callbackUrl })}
          />
        )}
        <Payload fields={fields} change={change} />
        <div class="form-actions">
          <button type="submit" class="button is-primary" disabled={action.isRunning}>
            <Icon name="send" />
            {fields.isAsync ? "Queue the call" : "Send"}
          </button>
          {action.isRunning && (
            <button type="button" class="button" onClick={() => stop.current?.abort()}>
              Stop waiting
            </button>
          )}
          <span class="hint">Ctrl+Enter</span>
        </div>
      </form>
      <ErrorNotice error={action.error} />
      <div aria-live="polite">
        {action.isRunning && <p class="muted">Waiting for the answer…</p>}
        {answer !== undefined && <AnswerView name={reference.name} answer={answer} />}
      </div>
    </>
  );
}

function explainStop(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    throw signal.aborted ? new Error("You stopped waiting for the answer.") : error;
  };
}

interface PartProps {
  fields: Fields;
  change: (changes: Partial<Fields>) => void;
}

function Target(props: PartProps & { reference: FunctionReference }): JSX.Element {
  const { reference, fields, change } = props;
  const { isAsync } = fields;
  return (
    <div class="target">
      <Field label="Method">
        {(ids) => (
          <select
            {...ids}
            class="input"
            value={isAsync ? "POST" : fields.method}
            disabled={isAsync}
            onChange={(event) => change({ method: event.currentTarget.value })}
          >
            {METHODS.map((method) => (
              <option key={method}>{method}</option>
            ))}
          </select>
        )}
      </Field>
      <TextField
        label="Path and query"
        hint={`below ${functionPath(reference, { isAsync })}`}
        placeholder="/path?name=value"
        value={fields.path}
        onChange={(path) => change({ path })}
      />
    </div>
  );
}

function Payload({ fields, change }: PartProps): JSX.Element {
  const hasBody = fields.isAsync || !["GET", "HEAD"].includes(fields.method);
  return (
    <>
      <Field label="Content type">
        {(ids) => (
          <>
            <input
              {...ids}
              class="input"
              list="content-types"
              value={fields.contentType}
              onInput={(event) => change({ contentType: event.currentTarget.value })}
            />
            <datalist id="content-types">
              {CONTENT_TYPES.map((type) => (
                <option key={type} value={type} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <TextField
        label="Headers"
        rows={2}
        isCode
        placeholder="X-Name: value"
        value={fields.headers}
        onChange={(headers) => change({ headers })}
      />
      <TextField
        label="Body"
        rows={5}
        isCode
        isDisabled={!hasBody}
        {...(!hasBody && { hint: `${fields.method} has no body.` })}
        value={fields.body}
        onChange={(body) => change({ body })}
      />
    </>
  );
}
