/** The tabs of a function; arrow keys move between them (WAI-ARIA, tabs pattern). */
import type { JSX } from "preact";
import { type Tab, TABS } from "../model/route.ts";

const LABELS: Record<Tab, string> = { overview: "Overview", invoke: "Invoke", logs: "Logs" };

export function TabList(props: { tab: Tab; onTab: (tab: Tab) => void }): JSX.Element {
  const { tab, onTab } = props;
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = TABS.indexOf(tab);
    const targets: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % TABS.length,
      ArrowLeft: (at + TABS.length - 1) % TABS.length,
      Home: 0,
      End: TABS.length - 1,
    };
    const next = TABS[targets[event.key] ?? -1];
    if (next === undefined) {
      return;
    }
    event.preventDefault();
    onTab(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views of the function" onKeyDown={onKeyDown}>
      {TABS.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          id={`tab-${each}`}
          aria-selected={each === tab}
          aria-controls="tab-panel"
          tabIndex={each === tab ? 0 : -1}
          onClick={() => onTab(each)}
        >
          {LABELS[each]}
        </button>
      ))}
    </div>
  );
}
