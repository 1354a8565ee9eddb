/** The calls that the server knows, live ones first, looked up again every few seconds. */

import { api } from "./api.js";
import { lasted, names } from "./calls-entry.js";
import { clock, dateTime, STATES } from "./format.js";

const EVERY = 4000;

/** Calls that are listed at most. */
const SHOWN = 8;

export class CallsList {
  /**
   * @param {HTMLElement} place holds an `ul` and a `p` for when there are none
   * @param {number} most speakers that the server takes at once; 0 where that is not known
   */
  constructor(place, most) {
    this.most = most;
    this.lines = place.querySelector("#lines");
    this.list = place.querySelector("ul");
    this.none = place.querySelector(".none");
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.look();
    });
    this.look();
    setInterval(() => document.hidden || this.look(), EVERY);
  }

  async look() {
    let sessions;
    try {
      ({ sessions } = await api("/api/sessions"));
    } catch {
      // The next look may succeed; the recorder says what matters to a recording.
      return;
    }
    const order = (session) => (session.ended_at === null ? 0 : 1);
    const shown = [...sessions].sort((a, b) => order(a) - order(b)).slice(0, SHOWN);
    const state = JSON.stringify(sessions);
    if (state === this.state) return;
    this.state = state;
    const busy = sessions.flatMap(({ legs }) => legs).filter(({ state }) => state !== "ended");
    this.lines.textContent = this.most ? `${busy.length} of ${this.most} lines in use` : "";
    this.none.hidden = shown.length > 0;
    this.list.replaceChildren(...shown.map(entry));
  }
}

function entry(call) {
  const { session_id: id, state, started_at: began, ended_at: ended } = call;
  const item = document.createElement("li");
  item.dataset.state = state === "running" ? "live" : state;
  const link = document.createElement("a");
  link.className = "call";
  link.href = `/calls/${encodeURIComponent(id)}`;
  link.append(
    line("names", names(call)),
    line("when", `${dateTime(began)} · ${clock(lasted(call))}`),
  );
  item.append(link, line("badge", STATES[state] ?? state));
  if (ended === null) {
    const join = document.createElement("a");
    join.className = "button quiet small";
    join.href = `/config?session=${encodeURIComponent(id)}`;
    join.textContent = "Join";
    join.setAttribute("aria-label", `Join the call of ${dateTime(began)} as another speaker`);
    item.append(join);
  }
  return item;
}

function line(className, text) {
  const span = document.createElement("span");
  span.className = className;
  span.textContent = text;
  return span;
}
