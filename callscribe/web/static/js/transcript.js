/**
 * A session's events folded into what a page shows: rows in the order of the call clock, and the
 * legs with their state. No DOM in here.
 */

/**
 * @typedef {{text: string, start: number, end: number, confidence: number}} Word
 *
 * @typedef {object} Piece a stretch of text as it is shown
 * @property {string} text
 * @property {number | null} confidence 0 to 1, null where no word is known
 * @property {boolean} interim
 *
 * @typedef {object} Row an utterance, or something that a person should know
 * @property {string} id
 * @property {number} part which of the sessions it is from, where one had to follow another
 * @property {"utterance" | "notice"} kind
 * @property {string} speaker
 * @property {number} start seconds on the call clock
 * @property {number} end
 * @property {string} language
 * @property {{text: string, end: number, words: Word[]}} final
 * @property {{text: string, words: Word[]} | null} interim the whole utterance so far
 * @property {boolean} open
 *
 * @typedef {object} LegView
 * @property {string} speaker
 * @property {"open" | "detached" | "ended"} state
 * @property {string} engine
 * @property {string} language
 * @property {boolean} speaking
 * @property {number | null} latencyMs how long after its audio the latest text came
 */

/**
 * Cuts a text into pieces along its words; what stands between them stays where it is. Without
 * words, or with words that are not those of the text, it is one piece.
 *
 * @param {string} text
 * @param {Word[]} words
 * @param {(word: Word) => boolean} isInterim
 * @param {boolean} otherwise whether text without words is interim
 * @returns {Piece[]}
 */
export function pieces(text, words, isInterim, otherwise) {
  /** @type {Piece[]} */
  const found = [];
  let at = 0;
  for (const word of words) {
    const spoken = word.text.trim();
    const place = text.indexOf(spoken, at);
    if (!spoken || place < 0) return [{ text, confidence: null, interim: otherwise }];
    if (place > at) found.push({ text: text.slice(at, place), confidence: null, interim: false });
    found.push({ text: spoken, confidence: word.confidence, interim: isInterim(word) });
    at = place + spoken.length;
  }
  if (at < text.length) {
    found.push({ text: text.slice(at), confidence: null, interim: otherwise && !words.length });
  }
  return found;
}

/**
 * What a row shows: words that stand, and after them those that may still change.
 *
 * @param {Row} row
 * @returns {Piece[]}
 */
export function rowPieces({ final, interim }) {
  if (!interim) return pieces(final.text, final.words, () => false, false);
  const { text, words } = interim;
  return pieces(text, words, (word) => (word.start + word.end) / 2 > final.end, true);
}

export class TranscriptModel {
  constructor() {
    /** @type {Row[]} ordered by start */
    this.rows = [];
    /** @type {Map<string, LegView>} in the order in which the speakers came */
    this.legs = new Map();
    this.ended = false;
    this.part = 0;
  }

  /** What follows is from another session, whose clock and utterances begin anew. */
  nextSession() {
    this.part += 1;
    this.ended = false;
  }

  /**
   * Takes the next event.
   *
   * @param {any} event
   * @returns {Row | null} the row that it changed
   */
  apply(event) {
    const speaker = event.speaker;
    switch (event.type) {
      case "leg_started":
        this.leg(speaker, { state: "open", engine: event.engine, language: event.language });
        return null;
      case "leg_detached":
        this.leg(speaker, { state: "detached", speaking: false });
        return null;
      case "leg_resumed":
        this.leg(speaker, { state: "open" });
        return null;
      case "leg_ended":
        this.leg(speaker, { state: "ended", speaking: false });
        return this.settle(speaker);
      case "speech_started":
        this.leg(speaker, { speaking: true });
        return null;
      case "interim":
      case "final":
        return this.utterance(event);
      case "notice":
        return this.notice(event);
      case "session_ended":
        this.ended = true;
        for (const leg of this.legs.values()) Object.assign(leg, { state: "ended", speaking: false });
        return null;
      default:
        return null;
    }
  }

  leg(speaker, changes) {
    const known = this.legs.get(speaker) ?? {
      speaker,
      state: "open",
      engine: "",
      language: "",
      speaking: false,
      latencyMs: null,
    };
    this.legs.set(speaker, Object.assign(known, changes));
    return known;
  }

  utterance(event) {
    const isFinal = event.type === "final";
    const leg = this.leg(event.speaker, {});
    if (event.latency_ms != null) leg.latencyMs = event.latency_ms;
    leg.speaking = !(isFinal && event.speech_final);
    const name = `${this.part}/${event.utterance_id}`;
    const known = this.rows.find(({ id }) => id === name);
    if (!known && !event.text) return null;
    const row = known ?? this.place(this.emptyRow("utterance", name, event));
    if (isFinal) {
      row.final = { text: event.text, end: event.end, words: event.words ?? [] };
      row.interim = null;
      row.open = !event.speech_final;
      row.language = event.language ?? leg.language;
    } else {
      row.interim = event.text ? { text: event.text, words: event.words ?? [] } : null;
    }
    row.end = event.end;
    if (event.start < row.start) this.move(row, event.start);
    // What interims had shown turned out to be nothing.
    if (!row.final.text && !row.interim) this.rows.splice(this.rows.indexOf(row), 1);
    return row;
  }

  notice(event) {
    const last = this.rows.at(-1);
    const start = last?.part === this.part ? last.start : 0;
    const row = this.emptyRow("notice", `${this.part}/notice-${event.seq}`, { ...event, start, end: start });
    row.final.text = event.message;
    row.open = false;
    return this.place(row);
  }

  /** An interim of a leg that has ended will not be replaced: it goes. */
  settle(speaker) {
    const row = this.rows.findLast((other) => other.speaker === speaker && other.open);
    if (!row) return null;
    row.open = false;
    row.interim = null;
    if (!row.final.text) this.rows.splice(this.rows.indexOf(row), 1);
    return row;
  }

  /** @returns {Row} */
  emptyRow(kind, id, { speaker, start, end }) {
    return {
      id,
      part: this.part,
      kind,
      speaker: speaker ?? "",
      start,
      end,
      language: this.legs.get(speaker)?.language ?? "",
      final: { text: "", end: -1, words: [] },
      interim: null,
      open: true,
    };
  }

  place(row) {
    let index = this.rows.length;
    while (index && isAfter(this.rows[index - 1], row)) index -= 1;
    this.rows.splice(index, 0, row);
    return row;
  }

  move(row, start) {
    this.rows.splice(this.rows.indexOf(row), 1);
    row.start = start;
    this.place(row);
  }
}

function isAfter(row, other) {
  return row.part === other.part ? row.start > other.start : row.part > other.part;
}
