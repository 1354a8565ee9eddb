/** Who is on the line: each speaker's state, engine and lag, above their column. */

import { capitalized, engineName, lag } from "./format.js";

const STATES = { open: "On the line", detached: "Connection lost", ended: "Has left" };

export class LegsView {
  /**
   * @param {HTMLElement} list an `ul`
   * @param {import("./transcript.js").TranscriptModel} model
   */
  constructor(list, model) {
    this.list = list;
    this.model = model;
  }

  update() {
    [...this.model.legs.values()].forEach((leg, index) => {
      const item = /** @type {HTMLElement} */ (this.list.children[index]) ?? this.create(index);
      const state = leg.state === "open" && leg.speaking ? "speaking" : leg.state;
      if (item.dataset.state !== state) item.dataset.state = state;
      const alone = leg.state === "ended" ? "" : "nobody listens";
      const details = [STATES[leg.state], engineName(leg.engine) || alone];
      write(item.querySelector(".who"), capitalized(leg.speaker));
      write(item.querySelector(".detail"), details.filter(Boolean).join(" · "));
      const known = leg.state !== "ended" && leg.engine && leg.latencyMs !== null;
      write(item.querySelector(".lag"), known ? `Lag ${lag(leg.latencyMs)}` : "");
    });
  }

  /** The place stays the voice's, whatever name it has. */
  create(index) {
    const item = document.createElement("li");
    item.className = "leg";
    item.dataset.hue = String(index % 4);
    item.dataset.side = index % 2 ? "right" : "left";
    item.innerHTML =
      '<span class="voice" aria-hidden="true"></span><span class="who"></span>' +
      '<span class="detail"></span><span class="lag"></span>';
    this.list.append(item);
    return item;
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
