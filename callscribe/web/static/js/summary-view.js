/** What stands above a call: its alerts, its summary, and what agents found about all of it. */

import { bodyText, phraseOf } from "./found-view.js";
import { capitalized, clock, counted } from "./format.js";

export class SummaryView {
  /**
   * @param {HTMLElement} place holds `#alerts`, `#summary` and `#delivered`
   * @param {import("./transcript.js").TranscriptModel} model
   */
  constructor(place, model) {
    this.model = model;
    this.alerts = place.querySelector("#alerts");
    this.box = place.querySelector("#summary");
    this.sentences = this.box.querySelector("ol");
    this.scope = this.box.querySelector(".hint");
    this.delivered = place.querySelector("#delivered");
  }

  update() {
    const { findings, rows } = this.model;
    const alerts = rows.flatMap((row) =>
      findings
        .of(row.id)
        .filter(({ kind }) => kind === "alert")
        .map((alert) => ({ row, phrase: phraseOf(alert), start: alert.body.start })),
    );
    this.list(alerts);
    this.summarise(findings);
    this.delivered.hidden = findings.delivered === 0;
    write(this.delivered, `${counted(findings.delivered, "event")} delivered to the webhook.`);
  }

  list(alerts) {
    const state = JSON.stringify(alerts.map(({ row, phrase }) => [row.id, row.start, phrase]));
    if (state === this.alertState) return;
    this.alertState = state;
    this.alerts.hidden = alerts.length === 0;
    const links = alerts.map(({ row, phrase, start }) => {
      const item = document.createElement("li");
      item.append(link(row.utteranceId, `${phrase} ${clock(start ?? row.start)}`));
      return item;
    });
    this.alerts.querySelector("ul").replaceChildren(...links);
  }

  summarise({ summary, loose }) {
    const sentences = [
      ...(summary?.body.sentences ?? []),
      ...loose.map(({ agent, kind, body }) => ({
        text: `${capitalized(kind || agent)}: ${bodyText(body)}`,
        utterance_ids: [],
      })),
    ];
    const proofs = sentences.map(({ text, utterance_ids: ids }) => [text, this.proofs(ids ?? [])]);
    const state = JSON.stringify(proofs);
    if (state === this.state) return;
    this.state = state;
    this.box.hidden = proofs.length === 0;
    write(this.scope, !summary ? "" : summary.body.final ? "" : "Of the call so far");
    this.sentences.replaceChildren(...proofs.map(([text, ids]) => sentence(text, ids)));
  }

  /** The places that prove a sentence, as far as they are shown, each once. */
  proofs(ids) {
    const rows = ids.map((id) => this.model.rowOf(id)).filter(Boolean);
    return [...new Set(rows)].map(({ utteranceId, start }) => [utteranceId, clock(start)]);
  }
}

function sentence(text, proofs) {
  const item = document.createElement("li");
  item.dir = "auto";
  item.append(text);
  for (const [id, time] of proofs) {
    const proof = link(id, time);
    proof.className = "proof";
    proof.setAttribute("aria-label", `Said at ${time}`);
    item.append(" ", proof);
  }
  return item;
}

function link(utteranceId, text) {
  const anchor = document.createElement("a");
  anchor.href = `#${encodeURIComponent(utteranceId)}`;
  anchor.textContent = text;
  return anchor;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
