/** What a person can do to a call that goes on: exchange two names, end it. */

import { api } from "./api.js";
import { ask } from "./dialog.js";
import { capitalized } from "./format.js";

export class CallActions {
  /**
   * @param {HTMLElement} place holds `#swap` and `#end-call`
   * @param {string} sessionId
   * @param {import("./transcript.js").TranscriptModel} model
   * @param {(error: Error | null) => void} tell what went wrong; null: nothing any more
   */
  constructor(place, sessionId, model, tell) {
    this.address = `/api/sessions/${encodeURIComponent(sessionId)}`;
    this.model = model;
    this.tell = tell;
    /** What the server has been asked to do, and has not answered yet. */
    this.asked = new Set();
    this.swapButton = place.querySelector("#swap");
    this.endButton = place.querySelector("#end-call");
    this.swapButton.addEventListener("click", () => this.swap());
    this.endButton.addEventListener("click", () => this.end());
  }

  /** @param {boolean} running whether the call goes on */
  update(running) {
    this.swapButton.hidden = !running || this.model.legs.size < 2;
    this.endButton.hidden = !running;
  }

  async swap() {
    const names = [...this.model.legs.keys()];
    const speakers = names.length === 2 ? names : await choose(names);
    if (speakers) await this.post("swap", { speakers });
  }

  async end() {
    const sure = await ask({
      title: "End this call?",
      body: "Its last words are written down, and nobody can speak in it any more.",
      action: "End call",
      danger: true,
    });
    if (sure) await this.post("end");
  }

  async post(what, body) {
    if (this.asked.has(what)) return; // clicked twice
    this.asked.add(what);
    try {
      await api(`${this.address}/${what}`, { method: "POST", body });
      this.tell(null);
    } catch (error) {
      this.tell(error);
    }
    this.asked.delete(what);
  }
}

/** Which two, where there are more. */
async function choose(names) {
  const body = document.createElement("div");
  body.className = "choices";
  const fields = ["First speaker", "Second speaker"].map((label, index) => {
    const field = document.createElement("label");
    field.className = "field";
    field.innerHTML = '<span class="label"></span><select></select>';
    field.querySelector(".label").textContent = label;
    const select = field.querySelector("select");
    names.forEach((name, place) =>
      select.append(new Option(capitalized(name), name, place === index, place === index)),
    );
    body.append(field);
    return select;
  });
  const sure = await ask({ title: "Who exchanges names?", body, action: "Swap roles" });
  const chosen = fields.map(({ value }) => value);
  return sure && chosen[0] !== chosen[1] ? chosen : null;
}
