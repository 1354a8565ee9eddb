/** The page `/calls`: all calls, the latest first, and a search in what was said. */

import { api } from "./api.js";
import { fillEntry, names, refreshEntry } from "./calls-entry.js";
import { ask } from "./dialog.js";
import { counted, dateTime } from "./format.js";
import { installKeyDialog } from "./key-dialog.js";
import { shortcuts } from "./shortcuts.js";
import { showTrouble } from "./trouble-view.js";

/** Calls that are asked for at once. */
const PAGE = 25;

/** ms between two looks at what has changed. */
const EVERY = 4000;

/** ms after the last letter until it is searched for. */
const TYPED = 200;

installKeyDialog();

const find = (selector) => document.querySelector(selector);
const field = find("#q");
const list = find("#list");
/** @type {Map<string, any>} the calls that are shown, the latest first */
let calls = new Map();
/** @type {Map<string, {item: HTMLElement, state: string}>} */
const entries = new Map();
let search = new URLSearchParams(window.location.search).get("q") ?? "";
/** Whether there are calls before those that are shown. */
let more = false;
/** Counts what was asked: answers to earlier questions mean nothing any more. */
let asked = 0;
/** The timers of the next look and of the next search. */
let looking = 0;
let typing = 0;
/** The list could not be had, which is over as soon as it can. */
let failing = false;

async function fetchCalls(before) {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (search) query.set("q", search);
  if (before) query.set("before", before);
  const { sessions } = await api(`/api/sessions?${query}`);
  return sessions;
}

/** Asks, and shows the answer unless something else has been asked meanwhile. */
async function question(before, take) {
  const number = (asked += 1);
  clearTimeout(looking);
  try {
    const found = await fetchCalls(before);
    if (number !== asked) return;
    take(found);
    find("#calls").dataset.state = "ready";
    if (failing) showTrouble(find("#trouble"), null);
    failing = false;
    show();
  } catch (error) {
    if (number !== asked) return;
    find("#calls").dataset.state = "failed";
    failing = true;
    showTrouble(find("#trouble"), error);
    if (!calls.size) find("#count").textContent = "";
  }
  looking = setTimeout(look, EVERY);
}

const anew = () =>
  question("", (found) => {
    calls = new Map(found.map((call) => [call.session_id, call]));
    more = found.length === PAGE;
  });

const older = () =>
  question([...calls.values()].at(-1)?.started_at ?? "", (found) => {
    const first = found.find(({ session_id: id }) => !calls.has(id));
    for (const call of found) if (!calls.has(call.session_id)) calls.set(call.session_id, call);
    more = found.length === PAGE;
    show();
    // The button may be gone; the keyboard goes on where the new ones begin.
    if (first) entries.get(first.session_id)?.item.querySelector("a").focus();
  });

/** The latest calls may have changed; those behind them stay as they were. */
function look() {
  if (document.hidden || typing) {
    looking = setTimeout(look, EVERY);
    return;
  }
  question("", (found) => {
    const last = found.at(-1);
    const ids = new Set(found.map(({ session_id: id }) => id));
    const rest = [...calls.values()].filter(
      (call) => last && !ids.has(call.session_id) && began(call) <= began(last),
    );
    if (found.length < PAGE) more = false;
    else if (!rest.length) more = true;
    const kept = found.length < PAGE ? [] : rest;
    calls = new Map([...found, ...kept].map((call) => [call.session_id, call]));
  });
}

const began = (call) => Date.parse(call.started_at);

function show() {
  for (const [id, { item }] of entries) {
    if (!calls.has(id)) {
      item.remove();
      entries.delete(id);
    }
  }
  let before = list.firstElementChild;
  for (const call of calls.values()) {
    const item = entry(call);
    if (item === before) before = before.nextElementSibling;
    else list.insertBefore(item, before);
  }
  list.hidden = calls.size === 0;
  find("#older").hidden = !more;
  showCount();
}

/** The element of a call, filled anew only where something has changed. */
function entry(call) {
  const known = entries.get(call.session_id) ?? { item: document.createElement("li"), state: "" };
  entries.set(call.session_id, known);
  const state = JSON.stringify([names(call), call.state, call.matches, search]);
  if (known.state === state) refreshEntry(known.item, call);
  else {
    const place = controls(known.item).indexOf(document.activeElement);
    fillEntry(known.item, call, search);
    known.item.querySelector(".delete").addEventListener("click", () => remove(call.session_id));
    controls(known.item)[place]?.focus();
    known.state = state;
  }
  return known.item;
}

const controls = (item) => [...item.querySelectorAll("a, button")];

function showCount() {
  const empty = find("#empty");
  empty.hidden = calls.size > 0;
  const where = /\S\s+\S/.test(search) ? " in one utterance" : "";
  if (!calls.size && search) empty.textContent = `Nobody said “${search}”${where}.`;
  else if (!calls.size) empty.replaceChildren("No calls yet. ", recordLink());
  const number = counted(calls.size, "call");
  const all = more ? `The latest ${number}` : number;
  const text = search ? `${all} in which it was said` : all;
  const count = find("#count");
  const said = calls.size ? text : "";
  if (count.textContent !== said) count.textContent = said;
}

function recordLink() {
  const link = document.createElement("a");
  link.href = "/config";
  link.textContent = "Record one";
  return link;
}

async function remove(id) {
  const call = calls.get(id);
  const running = call.state === "ended" ? "" : " It is still going on, and ends with this.";
  const sure = await ask({
    title: "Delete this call?",
    body: `The call of ${dateTime(call.started_at)} (${names(call)}) and what was said in it are forgotten.${running} Its transcript files on the server stay.`,
    action: "Delete",
    danger: true,
  });
  if (!sure) {
    entries.get(id)?.item.querySelector(".delete").focus();
    return;
  }
  showTrouble(find("#trouble"), null);
  asked += 1; // an answer that is on its way may still hold it
  try {
    await api(`/api/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });
  } catch (error) {
    if (error.status !== 404) {
      showTrouble(find("#trouble"), error);
      looking = setTimeout(look, EVERY);
      return;
    }
  }
  const next = entries.get(id)?.item.nextElementSibling;
  calls.delete(id);
  show();
  (next?.querySelector(".delete") ?? field).focus();
  look();
}

function searchNow() {
  clearTimeout(typing);
  typing = 0;
  const wanted = field.value.trim();
  if (wanted === search) return;
  search = wanted;
  const address = search ? `/calls?${new URLSearchParams({ q: search })}` : "/calls";
  window.history.replaceState(null, "", address);
  anew();
}

field.value = search;
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(searchNow, TYPED);
});
field.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  field.value = "";
  searchNow();
});
find("#search").addEventListener("submit", (event) => {
  event.preventDefault();
  searchNow();
});
find("#older").addEventListener("click", older);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
shortcuts({
  "/": () => {
    field.focus();
    field.select();
  },
});
anew();
