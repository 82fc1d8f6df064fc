/** The page: puts the application into the document. */
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/layout.css";
import "./styles/list.css";
import "./styles/detail.css";
import "./styles/dialog.css";
import { render } from "preact";
import { applyChoice } from "./hooks/use-theme.ts";
import { App } from "./view/app.tsx";

applyChoice();
const place = document.getElementById("app");
if (place !== null) {
  render(<App />, place);
}
