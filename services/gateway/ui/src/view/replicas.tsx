/** How many replicas are ready of those that are wanted. */
import type { JSX } from "preact";

export function Replicas({ ready, desired }: { ready: number; desired: number }): JSX.Element {
  const state =
    desired === 0 && ready === 0 ? "is-off" : ready === desired ? "is-ready" : "is-busy";
  const words = { "is-off": "scaled to zero", "is-ready": "ready", "is-busy": "changing" }[state];
  return (
    <span class="replicas">
      <span class={`dot ${state}`} role="img" aria-label={words} title={words} />
      {ready}/{desired}
    </span>
  );
}
