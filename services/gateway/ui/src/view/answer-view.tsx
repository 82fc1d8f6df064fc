/** What a function answered: always as text, whatever it says that it is. */
import type { JSX } from "preact";
import type { Answer } from "../api/invoke.ts";
import { fileName, showBody } from "../model/body.ts";
import { formatBytes, formatSeconds } from "../model/format.ts";
import { Icon } from "./icons.tsx";

export function AnswerView({ name, answer }: { name: string; answer: Answer }): JSX.Element {
  const { status, statusText, headers, milliseconds, body } = answer;
  const contentType = headers.find(([header]) => header === "content-type")?.[1] ?? "";
  const isGood = status >= 200 && status < 400;
  return (
    <section class="answer" aria-label="Answer">
      <p class="answer-line">
        <span class={isGood ? "status is-good" : "status is-bad"}>
          {status === 0 ? "Redirect" : `${status} ${statusText}`}
        </span>
        <span>{formatSeconds(milliseconds / 1000)}</span>
        <span>{formatBytes(body.length)}</span>
        <span class="muted">{contentType}</span>
        {body.length > 0 && (
          <button
            type="button"
            class="button is-quiet"
            onClick={() => download(fileName(name, contentType), body)}
          >
            <Icon name="download" />
            Download
          </button>
        )}
      </p>
      {status === 0 && (
        <p class="notice">The function redirects; the browser does not tell a page where to.</p>
      )}
      <Body body={body} contentType={contentType} />
      <details>
        <summary>Headers ({headers.length})</summary>
        <dl class="headers">
          {headers.map(([header, value]) => (
            <div key={header}>
              <dt>{header}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  );
}

function Body({ body, contentType }: { body: Uint8Array; contentType: string }): JSX.Element {
  const { kind, text, isCut } = showBody(body, contentType);
  if (kind === "empty") {
    return <p class="muted">The body is empty.</p>;
  }
  if (kind === "binary") {
    return <p class="muted">The body is binary: download it to see it.</p>;
  }
  return (
    <>
      <pre class="body" tabIndex={0} aria-label="Body">
        {text}
      </pre>
      {isCut && <p class="hint">This is the beginning: the download has all of it.</p>}
    </>
  );
}

/** As plain bytes, so that no browser takes it for a page of this origin. */
function download(name: string, body: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([body], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url));
}
