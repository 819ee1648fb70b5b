// Starts the console.
import { render } from "preact";
import { App } from "./app";
import "./style/base.css";
import "./style/controls.css";
import "./style/parts.css";
import "./style/overlays.css";
import "./style/shell.css";
import "./style/editor.css";
import "./style/trigger.css";
import "./style/destinations.css";

const root = document.getElementById("app");
if (root) render(<App />, root);
