/** How a call goes, in one strip: who speaks how much, at once, not at all. */

import { capitalized, counted, percent, seconds } from "./format.js";

export class TalkView {
  /**
   * @param {HTMLElement} place holds a `.shares`, an `ul` and a `dl`
   * @param {import("./transcript.js").TranscriptModel} model
   */
  constructor(place, model) {
    this.place = place;
    this.model = model;
    this.shares = place.querySelector(".shares");
    this.speakers = place.querySelector("ul");
    this.facts = place.querySelector("dl");
    /** The figures as they were asked for, until the call tells newer ones. */
    this.asked = null;
  }

  update() {
    const stats = this.model.stats ?? this.asked;
    if (stats === this.shown) return;
    this.shown = stats;
    const speakers = this.ordered(stats);
    const missed = (stats?.unheard_seconds ?? 0) > 0;
    this.place.hidden = !missed && !speakers.some(({ talk_seconds: spoken }) => spoken > 0);
    fit(this.shares, speakers.length, "span");
    fit(this.speakers, speakers.length, "li", '<span class="who"></span> <span></span>');
    speakers.forEach((speaker, index) => this.write(speaker, index));
    const shares = speakers.map(({ name, talk_ratio: share }) => `${name} ${percent(share)}`);
    this.shares.setAttribute("aria-label", `Share of the speech: ${shares.join(", ")}`);
    this.writeFacts(stats ?? {});
  }

  /** The speakers in the order of their columns. */
  ordered(stats) {
    const order = [...this.model.legs.keys()];
    return Object.entries(stats?.speakers ?? {})
      .map(([name, figures]) => {
        const place = order.indexOf(name);
        return { ...figures, name: capitalized(name), place: place < 0 ? order.length : place };
      })
      .sort((a, b) => a.place - b.place);
  }

  write({ name, place, talk_ratio: share, words_per_minute: pace }, index) {
    const bar = /** @type {HTMLElement} */ (this.shares.children[index]);
    const item = /** @type {HTMLElement} */ (this.speakers.children[index]);
    bar.dataset.hue = item.dataset.hue = String(place % 4);
    bar.style.flexGrow = String(share);
    const [who, figures] = item.children;
    set(who, name);
    set(figures, `${percent(share)} · ${Math.round(pace)} words/min`);
  }

  writeFacts(stats) {
    const interruptions = Object.values(stats.speakers ?? {}).reduce(
      (sum, speaker) => sum + (speaker.interruptions ?? 0),
      0,
    );
    const facts = [
      ["Talk-over", seconds(stats.talk_over_seconds ?? 0), "Two or more speak at once"],
      ["Dead air", seconds(stats.dead_air_seconds ?? 0), "Silences of more than 2 s"],
    ];
    if (interruptions) {
      facts.push(["Interruptions", String(interruptions), counted(interruptions, "interruption")]);
    }
    if (stats.unheard_seconds > 0) {
      facts.push(["Not heard", seconds(stats.unheard_seconds), "What a line lost"]);
      const share = `${stats.coverage_percent ?? 100} %`;
      facts.push(["Coverage", share, "How much of all lines' audio was heard"]);
    }
    fit(this.facts, facts.length, "div", "<dt></dt> <dd></dd>");
    facts.forEach(([name, value, title], index) => {
      const fact = /** @type {HTMLElement} */ (this.facts.children[index]);
      fact.title = title;
      set(fact.children[0], name);
      set(fact.children[1], value);
    });
  }
}

/** Gives a list as many children as there are things to show. */
function fit(list, count, name, html = "") {
  while (list.children.length > count) list.lastElementChild.remove();
  while (list.children.length < count) {
    const child = document.createElement(name);
    child.innerHTML = html;
    list.append(child);
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
