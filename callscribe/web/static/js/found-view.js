/** What agents found, as it stands beside the words: alerts, and entities to be copied. */

import { capitalized, percent } from "./format.js";

const TYPES = {
  phone: "Phone",
  email: "E-mail",
  amount: "Amount",
  date: "Date",
  reference: "Reference",
};

/** Punctuation around what was heard. */
const EDGES = /^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu;

/** ms for which a label says that it was copied. */
const SAID = 1500;

/**
 * @param {HTMLElement} place
 * @param {import("./findings.js").Finding[]} findings
 */
export function showFindings(place, findings) {
  const keys = findings.map(({ agent, key }) => `${agent} ${key}`).join("\n");
  if ((place.dataset.keys ?? "") === keys) return;
  place.dataset.keys = keys;
  place.hidden = findings.length === 0;
  const alerts = findings.filter(({ kind }) => kind === "alert").map(alertLine);
  const others = findings.filter(({ kind }) => kind !== "alert").map(label);
  place.replaceChildren(...alerts, ...others);
}

/**
 * Whether what an agent found is still there: words that were heard again may say something else.
 *
 * @param {import("./transcript.js").Row} row
 * @param {import("./findings.js").Finding} finding
 */
export function stillStands(row, finding) {
  const { body } = finding;
  if (!row.again || !body.heard) return true;
  return row.final.words.map(({ text }) => text).join(" ").includes(body.heard);
}

/**
 * The words of a row that an alert is about.
 *
 * @param {import("./transcript.js").Row} row
 * @param {import("./findings.js").Finding[]} findings
 * @returns {Set<number>} their places; empty where the words have changed since
 */
export function alertedWords({ final }, findings) {
  const places = new Set();
  for (const { kind, body } of findings) {
    if (kind !== "alert" || !(body.first_word >= 0)) continue;
    const words = final.words.slice(body.first_word, body.last_word + 1);
    if (words.map(({ text }) => text).join(" ") !== body.heard) continue;
    words.forEach((_, index) => places.add(body.first_word + index));
  }
  return places;
}

/**
 * @param {import("./findings.js").Finding} alert
 * @returns {string} what it is called: its phrase; one of an agent that gives none, the agent
 */
export function phraseOf({ agent, body }) {
  return String(body.phrase ?? capitalized(agent));
}

function alertLine(alert) {
  const { body } = alert;
  const line = element("p", "alert");
  line.append(element("strong", "", "Alert"), ` “${phraseOf(alert)}”`);
  const heard = String(body.heard ?? "").replace(EDGES, "");
  if (body.score < 1 && plain(heard) !== plain(phraseOf(alert))) {
    line.append(element("span", "heard", ` heard as “${heard}”, ${percent(body.score)} alike`));
  }
  return line;
}

function label(finding) {
  return finding.kind === "entity" ? entity(finding) : other(finding);
}

function entity({ body }) {
  const value = body.currency ? `${body.value} ${body.currency}` : String(body.value);
  const button = element("button", "entity");
  button.type = "button";
  button.dataset.copy = value;
  button.title = "Copy";
  const type = TYPES[body.type] ?? capitalized(String(body.type));
  button.append(element("span", "type", type), " ", element("span", "value", value));
  return button;
}

/** What an agent of somebody else found, in its own words. */
function other({ agent, kind, body }) {
  const line = element("p", "finding");
  line.append(element("strong", "", capitalized(kind || agent)), ` ${bodyText(body)}`);
  line.title = `Found by ${agent}`;
  return line;
}

/**
 * @param {any} body of a finding whose kind is not known here
 * @returns {string}
 */
export function bodyText(body) {
  const text = body?.text ?? body?.value ?? body?.message ?? JSON.stringify(body ?? {});
  return String(text).slice(0, 400);
}

/**
 * Copies what a label holds when it is pressed, and says so on it.
 *
 * @param {HTMLElement} list where the labels are
 */
export function copyOnClick(list) {
  list.addEventListener("click", async ({ target }) => {
    const button = /** @type {Element} */ (target).closest("[data-copy]");
    if (!button) return;
    const type = button.querySelector(".type");
    const before = type.dataset.type ?? type.textContent;
    type.dataset.type = before;
    type.setAttribute("aria-live", "polite");
    type.textContent = (await copy(button.dataset.copy)) ? "Copied" : "Not copied";
    setTimeout(() => {
      type.textContent = before;
    }, SAID);
  });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByHand(text);
  }
}

/** Browsers give the clipboard to secure pages only; others may copy what is selected. */
function copyByHand(text) {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}

function plain(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
