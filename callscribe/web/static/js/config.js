/** The page `/config`: settings, recorder and the list of calls put together. */

import { CallsList } from "./calls-list.js";
import { installKeyDialog } from "./key-dialog.js";
import { RecordPanel } from "./record-panel.js";
import { SettingsForm } from "./settings-form.js";
import { shortcuts } from "./shortcuts.js";

installKeyDialog();

const find = (selector) => document.querySelector(selector);
const query = new URLSearchParams(window.location.search);
const join = query.get("session") ?? "";

const panel = new RecordPanel(find("#recording"), {
  join,
  settled: () => settings.settled(),
});
const settings = new SettingsForm(find("#settings"), (config) => {
  panel.view.setLow(config.low_confidence);
});

if (join) {
  find("#joining").hidden = false;
  find("#joining-call").textContent = join;
  find("#joining-call").href = `/calls/${encodeURIComponent(join)}`;
  find("#speakers [value=technician]").checked = true;
}

shortcuts({ r: () => panel.toggle(), c: () => panel.toggleConfidence() });

/** @type {CallsList | undefined} */
let calls;
/** The timer of the next look at the engines. */
let looking;

function show({ version, max_legs: most }) {
  find("#version").textContent = `Callscribe ${version}`;
  calls ??= new CallsList(find("#calls"), most);
  calls.most = most;
  clearTimeout(looking);
  if (settings.loading) looking = setTimeout(look, 2000);
}

/** Engines that are being loaded become available, or say why not. */
async function look() {
  try {
    show(await settings.look());
  } catch {
    looking = setTimeout(look, 2000);
  }
}

async function load() {
  try {
    show(await settings.load());
    if (panel.trouble?.code === "server_gone_page") panel.complain(null);
    return true;
  } catch (error) {
    panel.complain(error);
    return false;
  }
}

async function keepLoaded() {
  if (!(await load())) setTimeout(keepLoaded, 3000);
}

/** Settings may have been changed elsewhere while this tab was not looked at. */
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !panel.recorder.active) load();
});
keepLoaded();
