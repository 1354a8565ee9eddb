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
  settled: () => settings.saving,
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

async function load() {
  try {
    const { version, max_legs: most } = await settings.load();
    find("#version").textContent = `Callscribe ${version}`;
    calls ??= new CallsList(find("#calls"), most);
    calls.most = most;
    if (panel.trouble?.code === "server_gone_page") panel.complain(null);
    return true;
  } catch (error) {
    panel.complain(error);
    return false;
  }
}

/** Until the server answers and its engines have settled, it is asked again. */
async function keepLoaded() {
  if (!(await load())) setTimeout(keepLoaded, 3000);
  else if (settings.loading) setTimeout(keepLoaded, 2000);
}

/** Settings may have been changed elsewhere while this tab was not looked at. */

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !panel.recorder.active) load();
});
keepLoaded();
