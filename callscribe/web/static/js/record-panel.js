/** The recorder as it stands on the page: button, state, clock, level, words, what went wrong. */

import { saveBlob } from "./api.js";
import { FRAME, prepare, RATE } from "./capture.js";
import { confidenceSwitch } from "./confidence.js";
import { showDownloads } from "./downloads.js";
import { Feed } from "./feed.js";
import { Follower } from "./follow.js";
import { clock, lag } from "./format.js";
import { Meter } from "./meter.js";
import { Recorder } from "./recorder.js";
import { TranscriptModel } from "./transcript.js";
import { TranscriptView } from "./transcript-view.js";
import { showTrouble } from "./trouble-view.js";
import { wavFile } from "./wav.js";

const STATES = {
  idle: "Ready",
  connecting: "Connecting…",
  recording: "Recording",
  reconnecting: "Reconnecting…",
  finishing: "Finishing…",
  failed: "Failed",
};

export class RecordPanel {
  /**
   * @param {HTMLElement} root the section
   * @param {object} options
   * @param {string} options.join the session to speak in; empty for one of its own
   * @param {() => Promise<void>} options.settled resolves when the settings are saved
   */
  constructor(root, { join, settled }) {
    const find = (selector) => root.querySelector(selector);
    this.root = root;
    this.join = join;
    this.settled = settled;
    this.button = find("#record");
    this.buttonText = find("#record .text");
    this.stateText = find("#state .text");
    this.timer = find("#timer");
    this.waiting = find("#waiting");
    this.lagText = find("#lag");
    this.alert = find("#trouble");
    this.speakers = find("#speakers");
    this.otherName = find("#other-name");
    this.downloads = find("#downloads");
    this.callLink = find("#call-link");
    this.unsent = find("#unsent");
    this.empty = find("#empty");
    this.meter = new Meter(find("#meter"));
    this.view = new TranscriptView(find("#transcript"), new TranscriptModel());
    this.follower = new Follower(find("#end"), find("#follow"));
    this.toggleConfidence = confidenceSwitch(find("#confidence"), this.view);
    this.recorder = new Recorder({
      onstate: (state) => this.enter(state),
      onsession: (sessionId) => this.watch(sessionId),
      onlevel: (level) => this.meter.add(level, FRAME / RATE),
      onlag: (value) => {
        this.lagText.textContent = lag(value);
      },
      ontrouble: (trouble) => this.complain(trouble),
    });
    this.button.addEventListener("click", () => this.toggle());
    this.unsent.addEventListener("click", () => this.saveUnsent());
    this.speakers.addEventListener("change", () => this.nameSpeaker());
    window.addEventListener("beforeunload", (event) => {
      if (this.recorder.active) event.preventDefault();
    });
    this.enter("idle");
    this.nameSpeaker();
    // Where this fails, the attempt to record says why.
    prepare().catch(() => {});
  }

  /** Starts or stops, whichever comes next. */
  async toggle() {
    if (this.recorder.active) {
      await this.recorder.stop();
      return;
    }
    if (this.starting) return;
    const speaker = this.speaker();
    if (!speaker) return;
    this.starting = true;
    try {
      this.begin();
      // The session takes the settings as they are when it starts.
      await this.settled();
      await this.recorder.start({ sessionId: this.join, speaker });
    } finally {
      this.starting = false;
    }
  }

  begin() {
    this.feed?.close();
    this.feed = null;
    this.sessionId = "";
    this.model = new TranscriptModel();
    this.view.show(this.model);
    this.meter.clear();
    this.follower.set(true);
    this.downloads.hidden = this.callLink.hidden = this.unsent.hidden = true;
    this.empty.hidden = false;
  }

  /** The name to speak under; empty when it cannot be one, which the field then says. */
  speaker() {
    const chosen = this.speakers.querySelector("input[type=radio]:checked").value;
    if (chosen !== "other") return chosen;
    const valid = this.otherName.value !== "" && this.otherName.reportValidity();
    if (!valid) this.otherName.focus();
    return valid ? this.otherName.value : "";
  }

  nameSpeaker() {
    const other = this.speakers.querySelector("[value=other]").checked;
    this.otherName.hidden = !other;
    this.otherName.required = other;
    if (other && document.activeElement?.matches("[value=other]") === false) this.otherName.focus();
  }

  /** Follows a session. When the server has lost one, the next goes on below what stands there. */
  watch(sessionId) {
    if (sessionId === this.sessionId) return;
    this.sessionId = sessionId;
    this.feed?.close();
    this.model.nextSession();
    this.feed = new Feed(sessionId, {
      onevent: (event) => this.hear(event),
      ontrouble: (trouble) => this.complain(trouble),
    });
    this.feed.open();
    this.callLink.href = `/calls/${encodeURIComponent(sessionId)}`;
    this.callLink.hidden = false;
  }

  hear(event) {
    for (const row of this.model.apply(event)) this.view.update(row);
    this.empty.hidden = this.model.rows.length > 0;
    this.follower.grown();
  }

  /** @param {Error | null} trouble */
  complain(trouble) {
    if (!trouble?.passing) this.lasting = trouble;
    this.trouble = trouble;
    showTrouble(this.alert, trouble);
    if (trouble) this.alert.scrollIntoView({ block: "nearest" });
  }

  enter(state) {
    this.root.dataset.state = state;
    this.stateText.textContent = STATES[state];
    const { active } = this.recorder ?? {};
    const action = state === "finishing" ? "Give up" : active ? "Stop" : "Record";
    this.buttonText.textContent = action;
    this.speakers.disabled = Boolean(active);
    document.title = state === "recording" ? "● Recording – Callscribe" : "Callscribe";
    if (state === "recording" && this.trouble?.passing) this.complain(this.lasting ?? null);
    if (active) this.ticking ??= setInterval(() => this.tick(), 250);
    else this.rest(state);
    this.tick();
  }

  rest(state) {
    clearInterval(this.ticking);
    this.ticking = undefined;
    if (!this.recorder) return;
    this.lagText.textContent = lag(null);
    this.unsent.hidden = state !== "failed" || this.recorder.unsent() === null;
    if (this.sessionId) {
      showDownloads(this.downloads, this.sessionId, (error) => this.complain(error));
    }
  }

  tick() {
    const { seconds = 0, waiting = 0 } = this.recorder ?? {};
    this.timer.textContent = clock(seconds);
    // While all is well a second or two are always on their way.
    this.waiting.hidden = waiting < 4;
    this.waiting.textContent = `${clock(waiting)} kept here`;
  }

  saveUnsent() {
    const pcm = this.recorder.unsent();
    if (pcm) saveBlob(wavFile(pcm, RATE), `${this.sessionId || "callscribe"}-unsent.wav`);
  }
}
