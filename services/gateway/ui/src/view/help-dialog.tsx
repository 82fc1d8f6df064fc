/** Which keys do what. */
import type { JSX } from "preact";
import { Dialog } from "./dialog.tsx";

const KEYS: readonly [string, string][] = [
  ["/", "Filter the functions"],
  ["n", "Deploy a function"],
  ["↑ ↓ Home End", "Move in the list"],
  ["Enter", "Open the function"],
  ["← →", "Move between the tabs of a function"],
  ["Ctrl+Enter", "Send the call"],
  ["Esc", "Close what is open"],
  ["?", "Show these keys"],
];

export function HelpDialog({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      {() => (
        <dl class="keys dialog-body">
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                {key.split(" ").map((each) => (
                  <kbd key={each}>{each}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      )}
    </Dialog>
  );
}
