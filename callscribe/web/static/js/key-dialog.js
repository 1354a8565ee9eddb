/** The question for the key, as a modal dialog; the answer is kept for this tab only. */

import { onKeyWanted } from "./api.js";

const HTML = `
  <form method="dialog" class="key-form">
    <h2 id="key-title">This server wants a key</h2>
    <p id="key-note"></p>
    <label class="field">
      <span class="label">Key</span>
      <input type="password" name="key" autocomplete="current-password" spellcheck="false">
    </label>
    <div class="actions">
      <button type="button" class="button quiet" value="cancel">Cancel</button>
      <button type="submit" class="button primary" value="ok">Continue</button>
    </div>
  </form>`;

/** Makes the page ask when the server answers that a key is missing or wrong. */
export function installKeyDialog() {
  onKeyWanted(
    (refused) =>
      new Promise((resolve) => {
        const dialog = document.createElement("dialog");
        dialog.setAttribute("aria-labelledby", "key-title");
        dialog.innerHTML = HTML;
        dialog.querySelector("#key-note").textContent = refused
          ? "The key was refused. Check it and try again."
          : "It is kept in this tab until you close it, and nowhere else.";
        dialog.querySelector("[value=cancel]").addEventListener("click", () => dialog.close());
        dialog.addEventListener("close", () => {
          const key = dialog.returnValue === "ok" ? dialog.querySelector("input").value : "";
          dialog.remove();
          resolve(key.trim() || null);
        });
        document.body.append(dialog);
        dialog.showModal();
      }),
  );
}
