/** Why something did not work, where it happened: the gateway's sentence and its code. */
import type { JSX } from "preact";
import type { ApiError } from "../api/http.ts";

export function ErrorNotice({ error }: { error: ApiError | undefined }): JSX.Element | null {
  if (error === undefined) {
    return null;
  }
  return (
    <p class="notice is-error" role="alert">
      <span>{error.message}</span> <code>{error.code}</code>
    </p>
  );
}
