/** What the agents found in a call, by the words it came from. No DOM in here. */

/**
 * @typedef {object} Finding an event `agent_result`
 * @property {string} agent
 * @property {string} kind
 * @property {string} key
 * @property {string[]} utterance_ids
 * @property {any} body
 */

/** Kinds that are shown beside words; others are about the call. */
const ABOUT_THE_CALL = new Set(["summary", "delivery"]);

export class Findings {
  constructor() {
    /** @type {Map<string, Finding[]>} those beside words, by the id of their row */
    this.beside = new Map();
    /** @type {Finding[]} those that belong to no words */
    this.loose = [];
    /** @type {Finding | null} the latest one */
    this.summary = null;
    /** How many finals were delivered to somebody else's server. */
    this.delivered = 0;
    this.keys = new Set();
  }

  /**
   * @param {Finding} finding
   * @param {number} part which of the sessions it is from
   * @returns {string[]} the rows beside which it belongs
   */
  add(finding, part) {
    const key = JSON.stringify([part, finding.agent, finding.key]);
    if (this.keys.has(key)) return [];
    this.keys.add(key);
    if (finding.kind === "summary") this.summarise(finding);
    if (finding.kind === "delivery") this.delivered += 1;
    if (ABOUT_THE_CALL.has(finding.kind)) return [];
    // Beside the last of its words: there it was known.
    const last = finding.utterance_ids.at(-1);
    if (last === undefined) {
      this.loose.push(finding);
      return [];
    }
    const id = `${part}/${last}`;
    this.beside.set(id, [...(this.beside.get(id) ?? []), finding]);
    return [id];
  }

  /** One of the call so far that comes late does not replace that of the whole call. */
  summarise(finding) {
    if (!this.summary?.body.final || finding.body.final) this.summary = finding;
  }

  /**
   * @param {string} id of a row
   * @returns {Finding[]}
   */
  of(id) {
    return this.beside.get(id) ?? [];
  }
}
