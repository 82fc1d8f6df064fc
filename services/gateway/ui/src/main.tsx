/** The page: puts the application into the document. */
import { render } from "preact";
import { App } from "./view/app.tsx";
import { applyChoice } from "./hooks/use-theme.ts";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/list.css";
import "./styles/detail.css";
import "./styles/dialog.css";

applyChoice();
const place = document.getElementById("app");
if (place !== null) render(<App />, place);
