/**
 * A session's events folded into what a page shows: rows in the order of the call clock, and the
 * legs with their state. No DOM in here.
 */

import { Findings } from "./findings.js";
import { notHeard } from "./format.js";

/**
 * @typedef {{text: string, start: number, end: number, confidence: number, speaker_label?: string}} Word
 *
 * @typedef {object} Piece a stretch of text as it is shown
 * @property {string} text
 * @property {number | null} confidence 0 to 1, null where no word is known
 * @property {boolean} interim
 * @property {number} word which of the words it is, -1 for what stands between them
 * @property {boolean} [voice] whether it says who of several people on one line speaks
 *
 * @typedef {object} Row an utterance, a stretch that nobody heard, or something a person should know
 * @property {string} id
 * @property {number} part which of the sessions it is from, where one had to follow another
 * @property {string} utteranceId as the server calls it; empty where it is no utterance
 * @property {"utterance" | "gap" | "notice"} kind
 * @property {string} speaker
 * @property {number} start seconds on the call clock
 * @property {number} end
 * @property {string} language
 * @property {{text: string, end: number, words: Word[]}} final
 * @property {{text: string, words: Word[]} | null} interim the whole utterance so far
 * @property {boolean} open
 * @property {boolean} later whether it was heard later, from kept audio, where a gap had been
 * @property {boolean} unsure whether its words are less sure than the configuration asks for
 * @property {string} again the engine that heard it again, surer of its words than who heard it first
 * @property {string} former what it said before that
 *
 * @typedef {object} LegView
 * @property {string} speaker
 * @property {"open" | "detached" | "ended"} state
 * @property {string} engine who listens; empty while nobody does
 * @property {string} language
 * @property {boolean} speaking
 * @property {number | null} latencyMs how long after its audio the latest text came
 * @property {Set<string>} voices those that were told apart on this line
 */

/** Leaks of leaks that are followed. */
const HOPS = 8;

/** Notices that say what another event says better. */
const SAID_OTHERWISE = new Set(["words_lost"]);

/** Notices that say who listens to a speaker from there on, be it nobody. */
const LISTENING = new Set([
  "engine_taken_over",
  "engine_back",
  "engine_late",
  "engine_lost",
  "engine_away",
]);

const INTERRUPTED =
  "The server died here and is back. What was written down is kept; the call goes on when its " +
  "speakers come back.";

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
  const add = (part, confidence, interim, word = -1) =>
    found.push({ text: part, confidence, interim, word });
  let at = 0;
  for (const [index, word] of words.entries()) {
    const spoken = word.text.trim();
    const place = text.indexOf(spoken, at);
    if (!spoken || place < 0) return [{ text, confidence: null, interim: otherwise, word: -1 }];
    if (place > at) add(text.slice(at, place), null, false);
    add(spoken, word.confidence, isInterim(word), index);
    at = place + spoken.length;
  }
  if (at < text.length) add(text.slice(at), null, otherwise && !words.length);
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

/**
 * The same with a mark wherever another voice begins.
 *
 * @param {Piece[]} found
 * @param {Word[]} words
 * @returns {Piece[]}
 */
export function withVoices(found, words) {
  let voice = null;
  return found.flatMap((piece) => {
    const label = words[piece.word]?.speaker_label ?? null;
    if (label === null || label === voice) return [piece];
    voice = label;
    const mark = { text: `Voice ${label}`, confidence: null, interim: false, word: -1 };
    return [{ ...mark, voice: true }, { ...mark, text: " " }, piece];
  });
}

export class TranscriptModel {
  constructor() {
    /** @type {Row[]} ordered by start */
    this.rows = [];
    /** @type {Map<string, Row>} */
    this.known = new Map();
    /** @type {Map<string, LegView>} in the order in which the speakers came */
    this.legs = new Map();
    this.findings = new Findings();
    /** How the call goes, as the server counts it. */
    this.stats = null;
    /** @type {Map<string, string>} what was heard through the air: its row, and that of whom */
    this.leaks = new Map();
    this.ended = false;
    /** The server died, and no speaker has come back yet. */
    this.interrupted = false;
    this.part = 0;
  }

  /** What follows is from another session, whose clock and utterances begin anew. */
  nextSession() {
    this.part += 1;
    this.ended = this.interrupted = false;
    this.stats = null;
  }

  /**
   * Takes the next event.
   *
   * @param {any} event
   * @returns {Row[]} the rows that it changed, made or took away
   */
  apply(event) {
    const speaker = event.speaker;
    switch (event.type) {
      case "leg_started":
        this.interrupted = false;
        this.leg(speaker, { state: "open", engine: event.engine, language: event.language });
        return [];
      case "leg_detached":
        this.leg(speaker, { state: "detached", speaking: false });
        return [];
      case "leg_resumed":
        this.interrupted = false;
        this.leg(speaker, { state: "open" });
        return [];
      case "leg_ended":
        // Who was on the line when the server died has not left: the line has.
        this.leg(speaker, { state: this.interrupted ? "detached" : "ended", speaking: false });
        return this.settle(speaker);
      case "speech_started":
        this.leg(speaker, { speaking: true });
        return [];
      case "interim":
      case "final":
        return this.utterance(event);
      case "gap":
        return [this.gap(event)];
      case "gap_repaired":
        return this.remove(this.known.get(this.gapId(event.of_seq)));
      case "roles_swapped":
        return this.swap(...event.speakers);
      case "session_interrupted":
        return this.interrupt(event);
      case "session_ended":
        this.ended = true;
        this.interrupted = false;
        for (const leg of this.legs.values()) Object.assign(leg, { state: "ended", speaking: false });
        return this.settle();
      default:
        return this.aside(event);
    }
  }

  /** What is not said in the call, but about it. */
  aside(event) {
    switch (event.type) {
      case "notice":
        if (LISTENING.has(event.code)) this.leg(event.speaker, { engine: event.engine });
        return SAID_OTHERWISE.has(event.code) ? [] : [this.notice(event, event.message)];
      case "agent_failed":
        return [this.notice(event, `The agent ${event.agent} gave up: ${event.error}`)];
      case "agent_result":
        return this.findings
          .add(event, this.part)
          .map((id) => this.known.get(id))
          .filter(Boolean);
      case "call_stats":
        this.stats = event.stats;
        return [];
      default:
        return [];
    }
  }

  /**
   * The row of an utterance; of one that was heard through the air, that of who spoke.
   *
   * @param {string} utteranceId
   * @returns {Row | null}
   */
  rowOf(utteranceId) {
    let id = `${this.part}/${utteranceId}`;
    for (let hop = 0; hop < HOPS && this.leaks.has(id); hop += 1) id = this.leaks.get(id);
    return this.known.get(id) ?? null;
  }

  leg(speaker, changes) {
    const known = this.legs.get(speaker) ?? {
      speaker,
      state: "open",
      engine: "",
      language: "",
      speaking: false,
      latencyMs: null,
      voices: new Set(),
    };
    this.legs.set(speaker, Object.assign(known, changes));
    return known;
  }

  utterance(event) {
    const isFinal = event.type === "final";
    const leg = this.leg(event.speaker, {});
    if (event.latency_ms != null) leg.latencyMs = event.latency_ms;
    // A revision or a repair tells of what was said, not of who speaks now.
    if (!event.revision && !event.repairs) leg.speaking = !(isFinal && event.speech_final);
    const id = `${this.part}/${event.utterance_id}`;
    const known = this.known.get(id);
    if (isFinal && event.leak_of) this.leaks.set(id, `${this.part}/${event.leak_of}`);
    else if (isFinal) this.leaks.delete(id);
    // What was heard through the air is shown where it was said.
    if (this.leaks.has(id)) return this.remove(known);
    if (!known && !event.text) return [];
    const row = known ?? this.place(this.emptyRow("utterance", id, event));
    if (isFinal) {
      if (event.heard_again && !row.again) row.former = row.final.text;
      row.again = event.heard_again ?? "";
      row.unsure = event.unsure ?? false;
      row.final = { text: event.text, end: event.end, words: event.words ?? [] };
      // What was heard again is no news of what is being said.
      if (!event.heard_again || event.speech_final) row.interim = null;
      row.open = !event.speech_final;
      row.language = event.language ?? leg.language;
      row.later = event.repairs > 0;
    } else {
      row.interim = event.text ? { text: event.text, words: event.words ?? [] } : null;
    }
    row.end = event.end;
    // What interims had shown turned out to be nothing.
    if (!row.final.text && !row.interim) return this.remove(row);
    if (event.start < row.start || (isFinal && event.start !== row.start)) {
      this.move(row, event.start);
    }
    return isFinal && this.hearVoices(leg, row) ? this.rowsOf(event.speaker) : [row];
  }

  /** Notes who speaks on a line; true when it is more than one for the first time. */
  hearVoices({ voices }, { final }) {
    const before = voices.size;
    for (const { speaker_label: label } of final.words) if (label != null) voices.add(label);
    return before < 2 && voices.size > 1;
  }

  rowsOf(speaker) {
    return this.rows.filter((row) => row.kind === "utterance" && row.speaker === speaker);
  }

  /**
   * What a row shows, and who speaks in it where several people are on the line.
   *
   * @param {Row} row
   * @returns {Piece[]}
   */
  pieces(row) {
    const found = rowPieces(row);
    const several = this.legs.get(row.speaker)?.voices.size > 1;
    return several ? withVoices(found, (row.interim ?? row.final).words) : found;
  }

  gap(event) {
    const row = this.emptyRow("gap", this.gapId(event.seq), event);
    row.final.text = notHeard(event.start, event.end, event.reason);
    row.open = false;
    return this.place(row);
  }

  gapId(seq) {
    return `${this.part}/gap-${seq}`;
  }

  notice(event, text) {
    const last = this.rows.at(-1);
    const start = last?.part === this.part ? last.start : 0;
    const about = { speaker: event.speaker, start, end: start };
    const row = this.emptyRow("notice", `${this.part}/notice-${event.seq}`, about);
    row.final.text = text;
    row.open = false;
    return this.place(row);
  }

  /** The server died: what was open will not be finished, and its names may be given again. */
  interrupt(event) {
    this.interrupted = true;
    const settled = this.settle();
    for (const leg of this.legs.values()) {
      leg.speaking = false;
      if (leg.state === "open") leg.state = "detached";
    }
    return [...settled, this.notice(event, INTERRUPTED)];
  }

  /** The voices stay where they are and exchange their names. */
  swap(one, other) {
    const names = new Map([
      [one, other],
      [other, one],
    ]);
    const renamed = (name) => names.get(name) ?? name;
    for (const leg of this.legs.values()) leg.speaker = renamed(leg.speaker);
    this.legs = new Map([...this.legs.values()].map((leg) => [leg.speaker, leg]));
    const rows = this.rows.filter(({ part }) => part === this.part);
    for (const row of rows) row.speaker = renamed(row.speaker);
    if (this.stats?.speakers) {
      const speakers = Object.entries(this.stats.speakers);
      const swapped = speakers.map(([name, figures]) => [renamed(name), figures]);
      this.stats = { ...this.stats, speakers: Object.fromEntries(swapped) };
    }
    return rows;
  }

  /** An interim of a leg that has ended, or of a call, will not be replaced: it goes. */
  settle(speaker) {
    const left = this.rows.filter(
      (row) => row.open && row.part === this.part && (speaker ?? row.speaker) === row.speaker,
    );
    for (const row of left) {
      row.open = false;
      row.interim = null;
      if (!row.final.text) this.remove(row);
    }
    return left;
  }

  /** @returns {Row} */
  emptyRow(kind, id, { speaker, start, end, utterance_id: utteranceId = "" }) {
    return {
      id,
      part: this.part,
      utteranceId,
      kind,
      speaker: speaker ?? "",
      start,
      end,
      language: this.legs.get(speaker)?.language ?? "",
      final: { text: "", end: -1, words: [] },
      interim: null,
      open: true,
      later: false,
      unsure: false,
      again: "",
      former: "",
    };
  }

  place(row) {
    let index = this.rows.length;
    while (index && isAfter(this.rows[index - 1], row)) index -= 1;
    this.rows.splice(index, 0, row);
    this.known.set(row.id, row);
    return row;
  }

  move(row, start) {
    this.rows.splice(this.rows.indexOf(row), 1);
    row.start = start;
    this.place(row);
  }

  remove(row) {
    if (!row) return [];
    this.rows.splice(this.rows.indexOf(row), 1);
    this.known.delete(row.id);
    return [row];
  }
}

function isAfter(row, other) {
  return row.part === other.part ? row.start > other.start : row.part > other.part;
}
