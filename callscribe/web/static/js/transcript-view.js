/** A `TranscriptModel` as a list: each utterance keeps its element, each word its span. */

import { capitalized, clock, engineName, langTag, percent } from "./format.js";
import { alertedWords, copyOnClick, showFindings, stillStands } from "./found-view.js";

const NO_WORDS = new Set();

export class TranscriptView {
  /**
   * @param {HTMLElement} list an `ol`
   * @param {import("./transcript.js").TranscriptModel} model
   */
  constructor(list, model) {
    this.list = list;
    this.model = model;
    this.low = 0.5;
    this.confident = false;
    /** @type {Map<string, HTMLLIElement>} */
    this.items = new Map();
    copyOnClick(list);
  }

  /** @param {import("./transcript.js").TranscriptModel} model another one to show */
  show(model) {
    this.model = model;
    this.items.clear();
    this.list.replaceChildren();
    this.refresh();
  }

  /** @param {number} low words under this confidence are marked */
  setLow(low) {
    this.low = low;
    this.refresh();
  }

  /** @param {boolean} confident whether every word shows its confidence */
  setConfident(confident) {
    this.confident = confident;
    this.list.dataset.confidence = confident ? "on" : "off";
    this.refresh();
  }

  refresh() {
    for (const row of this.model.rows) this.update(row);
  }

  /**
   * Shows many rows at once.
   *
   * @param {Set<import("./transcript.js").Row>} changed rows that have changed, come or gone
   */
  updateAll(changed) {
    const { rows } = this.model;
    // From the last one on: each finds the one behind it in its place.
    for (let place = rows.length - 1; place >= 0; place -= 1) {
      if (changed.delete(rows[place])) this.put(rows[place], place);
    }
    for (const row of changed) this.drop(row);
  }

  /** @param {import("./transcript.js").Row} row one that has changed, come or gone */
  update(row) {
    const place = this.model.rows.lastIndexOf(row);
    if (place < 0) this.drop(row);
    else this.put(row, place);
  }

  drop(row) {
    if (this.model.known.has(row.id)) return; // another one has its name now
    this.items.get(row.id)?.remove();
    this.items.delete(row.id);
  }

  put(row, place) {
    const item = this.items.get(row.id) ?? this.create(row);
    const next = this.model.rows[place + 1];
    const before = next ? (this.items.get(next.id) ?? null) : null;
    if (item.parentNode !== this.list || item.nextSibling !== before) {
      this.list.insertBefore(item, before);
    }
    this.fill(item, row);
  }

  create(row) {
    const item = document.createElement("li");
    item.className = `row ${row.kind}`;
    item.innerHTML =
      '<p class="head"><span class="who"></span> <time class="at"></time> <span class="how" hidden></span></p>' +
      '<p class="said"></p><div class="found" hidden></div>';
    // Names are given once in a session: a page that shows several has places in none of them.
    if (row.utteranceId && row.part === 0) item.id = row.utteranceId;
    this.items.set(row.id, item);
    return item;
  }

  fill(item, row) {
    const order = [...this.model.legs.keys()].indexOf(row.speaker);
    item.dataset.hue = String(order < 0 ? "none" : order % 4);
    item.dataset.side = order % 2 === 1 ? "right" : "left";
    item.dataset.state = row.interim ? "interim" : "final";
    const [head, said, found] = /** @type {HTMLElement[]} */ ([...item.children]);
    set(head.children[0], row.kind === "notice" ? "Note" : capitalized(row.speaker));
    set(head.children[1], clock(row.start));
    const heard = /** @type {HTMLElement} */ (head.children[2]);
    const [mark, why] = howHeard(row);
    set(heard, mark);
    heard.hidden = !mark;
    heard.title = why;
    heard.tabIndex = mark ? 0 : -1; // what a mouse is told by the title, a keyboard is told too
    const tag = row.kind === "utterance" ? langTag(row.language) : "";
    if (tag && said.lang !== tag) said.lang = tag;
    said.dir = "auto";
    // What still changes is not read out; the final words are.
    said.ariaHidden = row.interim ? "true" : null;
    const findings = row.kind === "utterance" ? this.model.findings.of(row.id) : [];
    const current = findings.filter((finding) => stillStands(row, finding));
    item.classList.toggle("alarming", current.some(({ kind }) => kind === "alert"));
    this.words(said, this.model.pieces(row), row.interim ? NO_WORDS : alertedWords(row, current));
    showFindings(found, current);
  }

  words(said, pieces, alerted) {
    while (said.children.length > pieces.length) said.lastElementChild.remove();
    pieces.forEach((piece, index) => {
      const span = said.children[index] ?? said.appendChild(document.createElement("span"));
      set(span, piece.text);
      const kinds = ["w", this.band(piece.confidence)];
      if (piece.voice) kinds.push("voice");
      if (piece.interim) kinds.push("interim");
      if (alerted.has(piece.word)) kinds.push("alerted");
      const name = kinds.filter(Boolean).join(" ");
      if (span.className !== name) span.className = name;
      const known = this.confident && piece.confidence !== null;
      if (known) span.title = `Confidence ${percent(piece.confidence)}`;
      else span.removeAttribute("title");
    });
  }

  band(confidence) {
    if (confidence === null) return "";
    if (confidence < this.low) return "low";
    return confidence < (1 + this.low) / 2 ? "middling" : "high";
  }
}

/** Touches the page only where something is new, so that nothing flickers or is read out twice. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * What is to be said of how an utterance was heard, in a few words and in a sentence.
 *
 * @param {import("./transcript.js").Row} row
 * @returns {[string, string]}
 */
function howHeard({ later, again, former, unsure, interim, final }) {
  const marks = [];
  const reasons = [];
  if (later) {
    marks.push("heard later");
    reasons.push("Nobody listened while this was spoken; it was heard from kept audio.");
  }
  if (again && plain(former) !== plain(final.text)) {
    marks.push("corrected");
    reasons.push(`Heard again by ${engineName(again)}. Before: “${former}”`);
  }
  if (unsure && !interim) {
    marks.push("unsure");
    reasons.push("The recogniser is not sure of these words.");
  }
  return [marks.join(", "), reasons.join(" ")];
}

/** What of a text is heard: no case, no punctuation. */
function plain(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}
