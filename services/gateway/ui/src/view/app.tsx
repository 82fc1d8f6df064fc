/** The whole page: header, the page that the address names, dialogs and messages. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { listNamespaces } from "../api/system.ts";
import { usePolling } from "../hooks/use-polling.ts";
import { useRoute } from "../hooks/use-route.ts";
import { useShortcuts } from "../hooks/use-shortcuts.ts";
import { CallsPage } from "./calls-page.tsx";
import { ErrorNotice } from "./error-notice.tsx";
import { FunctionsPage } from "./functions-page.tsx";
import { Header } from "./header.tsx";
import { HelpDialog } from "./help-dialog.tsx";
import { MESSAGE_MS } from "./message-time.ts";
import { SecretsPage } from "./secrets-page.tsx";

export function App(): JSX.Element {
  const [route, go] = useRoute();
  const known = usePolling("namespaces", listNamespaces);
  const [chosen, setChosen] = useState("");
  const [message, setMessage] = useState("");
  const [isHelping, setIsHelping] = useState(false);
  useShortcuts({ "?": () => setIsHelping(true) });
  useEffect(() => {
    const timer = setTimeout(() => setMessage(""), MESSAGE_MS);
    return () => clearTimeout(timer);
  }, [message]);

  const all = known.value ?? [];
  const shown = all.includes(chosen) ? [chosen] : all;
  const context = { namespaces: all, shown, tell: setMessage };
  return (
    <>
      <a class="skip-link" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <Header
        page={route.page}
        namespaces={all}
        namespace={chosen}
        onNamespace={setChosen}
        onHelp={() => setIsHelping(true)}
      />
      <main id="main" tabIndex={-1}>
        <ErrorNotice error={known.error} />
        {known.value !== undefined && route.page === "functions" && (
          <FunctionsPage context={context} selected={route.selected} go={go} />
        )}
        {known.value !== undefined && route.page === "calls" && <CallsPage context={context} />}
        {known.value !== undefined && route.page === "secrets" && <SecretsPage context={context} />}
      </main>
      <div class="toast" role="status">
        {message}
      </div>
      {isHelping && <HelpDialog onClose={() => setIsHelping(false)} />}
    </>
  );
}

/** The address's fragment is the route, so that a plain link would leave the page. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
