/** One call in the list: who, when, how long, and where in it the words searched for are. */

import { capitalized, clock, counted, dateTime, STATES } from "./format.js";
import { excerpt } from "./marking.js";

/**
 * @param {any} call as `/api/sessions` lists it
 * @returns {string} the names of its speakers
 */
export function names({ legs, state }) {
  const speakers = [...new Set(legs.map(({ speaker }) => capitalized(speaker)))];
  return speakers.join(", ") || (state === "ended" ? "Nobody" : "Nobody yet");
}

/**
 * @param {HTMLElement} item an `li`, filled anew
 * @param {any} call
 * @param {string} search
 */
export function fillEntry(item, call, search) {
  const address = `/calls/${encodeURIComponent(call.session_id)}`;
  item.className = "entry";
  item.dataset.state = call.state;
  const link = element("a", "call");
  link.href = address;
  link.append(element("span", "names", names(call)), element("span", "when", when(call)));
  const badge = element("span", "badge");
  badge.append(element("span", "lamp"), STATES[call.state] ?? call.state);
  const remove = element("button", "button quiet small delete", "Delete");
  remove.type = "button";
  remove.setAttribute("aria-label", `Delete the call of ${dateTime(call.started_at)}`);
  const head = element("div", "entry-head");
  head.append(link, badge, remove);
  item.replaceChildren(head);
  if (call.matches.length) item.append(matches(call.matches, address, search));
}

/**
 * What changes while a call goes on; its links stay as they are.
 *
 * @param {HTMLElement} item
 * @param {any} call
 */
export function refreshEntry(item, call) {
  const line = item.querySelector(".when");
  const text = when(call);
  if (line.textContent !== text) line.textContent = text;
}

/**
 * @param {any} call as `/api/sessions` lists it
 * @returns {number} how long it has lasted, in seconds
 */
export function lasted({ started_at: began, state, duration }) {
  return state === "running" ? Date.now() / 1000 - Date.parse(began) / 1000 : duration;
}

function when(call) {
  const { started_at: began, utterances, coverage_percent: covered } = call;
  const heard = covered < 100 ? ` · ${covered} % heard` : "";
  return `${dateTime(began)} · ${clock(lasted(call))} · ${counted(utterances, "utterance")}${heard}`;
}

function matches(found, address, search) {
  const list = element("ol", "matches");
  for (const { utterance_id: id, speaker, start, text } of found) {
    const link = element("a", "match");
    link.href = `${address}#${encodeURIComponent(id)}`;
    const said = element("span", "said");
    said.dir = "auto";
    for (const piece of excerpt(text, search)) {
      said.append(piece.marked ? element("mark", "", piece.text) : piece.text);
    }
    link.append(element("time", "at", clock(start)), " ", element("b", "", capitalized(speaker)), " ");
    link.append(said);
    const item = element("li", "");
    item.append(link);
    list.append(item);
  }
  return list;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
