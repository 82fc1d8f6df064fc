/** Light or dark: as the system has it, until a person chooses here. */
import { useEffect, useState } from "preact/hooks";

export type Theme = "light" | "dark";

const STORED = "plonk-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** What was chosen; storage may be forbidden, and that is no reason to show nothing. */
function readChoice(): Theme | undefined {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === "light" || stored === "dark" ? stored : undefined;
  } catch {
    return undefined;
  }
}

/** Applied before the first render, so that the page does not flash in the other theme. */
export function applyChoice(): void {
  const choice = readChoice();
  if (choice !== undefined) {
    document.documentElement.dataset["theme"] = choice;
  }
}

export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(
    () => readChoice() ?? (dark.matches ? "dark" : "light"),
  );
  useEffect(() => {
    const follow = (): void => {
      if (readChoice() === undefined) {
        setTheme(dark.matches ? "dark" : "light");
      }
    };
    dark.addEventListener("change", follow);
    return () => dark.removeEventListener("change", follow);
  }, []);
  const toggle = (): void => {
    const next = theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(STORED, next);
    } catch {
      // It holds until the page is loaded again.
    }
    document.documentElement.dataset["theme"] = next;
    setTheme(next);
  };
  return [theme, toggle];
}
