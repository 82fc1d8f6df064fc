/** The bar on top: where one is, which namespaces are shown, how the page looks. */
import type { JSX } from "preact";
import { useTheme } from "../hooks/use-theme.ts";
import icon from "../icon.svg";
import type { Route } from "../model/route.ts";
import { Icon } from "./icons.tsx";

export interface HeaderProps {
  page: Route["page"];
  namespaces: readonly string[];
  /** Empty: all of them. */
  namespace: string;
  onNamespace: (namespace: string) => void;
  onHelp: () => void;
}

export function Header(props: HeaderProps): JSX.Element {
  const { page, namespaces, namespace, onNamespace, onHelp } = props;
  return (
    <header class="top-bar">
      <a class="brand" href="#/functions">
        <img src={icon} alt="" width="28" height="28" />
        Plonk
      </a>
      <nav aria-label="Pages">
        <PageLink to="functions" page={page} label="Functions" />
        <PageLink to="calls" page={page} label="Calls" />
        <PageLink to="secrets" page={page} label="Secrets" />
        <a href="/docs/">API</a>
      </nav>
      <select
        class="input namespace"
        aria-label="Namespace"
        value={namespace}
        onChange={(event) => onNamespace(event.currentTarget.value)}
      >
        <option value="">All namespaces</option>
        {namespaces.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
      <button
        type="button"
        class="button is-icon help"
        aria-label="Keyboard shortcuts"
        onClick={onHelp}
      >
        <Icon name="help" />
      </button>
      <ThemeButton />
    </header>
  );
}

function PageLink(props: { to: Route["page"]; page: Route["page"]; label: string }): JSX.Element {
  const { to, page, label } = props;
  return (
    <a href={`#/${to}`} {...(to === page && { "aria-current": "page" as const })}>
      {label}
    </a>
  );
}

function ThemeButton(): JSX.Element {
  const [theme, toggle] = useTheme();
  const label = `Switch to the ${theme === "dark" ? "light" : "dark"} theme`;
  return (
    <button type="button" class="button is-icon" aria-label={label} title={label} onClick={toggle}>
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}
