/**
 * A recording from the button to the last word: the microphone, what is kept of it, and the leg.
 *
 * The states that a page shows: idle → connecting → recording ⇄ reconnecting → finishing → idle,
 * and from anywhere failed. Knows nothing of the page.
 */

import { api } from "./api.js";
import { Capture, RATE } from "./capture.js";
import { KeptAudio } from "./kept-audio.js";
import { Leg } from "./leg.js";
import { Trouble } from "./trouble.js";

/** Samples that are kept for an absent server: ten minutes. */
const KEPT = 10 * 60 * RATE;

/** @typedef {"idle" | "connecting" | "recording" | "reconnecting" | "finishing" | "failed"} State */

/**
 * @typedef {object} RecorderHandlers
 * @property {(state: State) => void} onstate
 * @property {(sessionId: string) => void} onsession
 * @property {(level: number) => void} onlevel root mean square of each frame, 0 to 1
 * @property {(lagMs: number | null) => void} onlag
 * @property {(trouble: Trouble | null) => void} ontrouble
 */

export class Recorder {
  /** @param {RecorderHandlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {State} */
    this.state = "idle";
    window.addEventListener("pagehide", () => this.leg?.farewell());
  }

  /** Seconds recorded so far. */
  get seconds() {
    return (this.kept?.end ?? 0) / RATE;
  }

  /** Seconds that the server is not known to have. */
  get waiting() {
    return this.kept ? (this.kept.end - this.kept.unsent) / RATE : 0;
  }

  /** Whether the button would stop a recording. */
  get active() {
    return this.state !== "idle" && this.state !== "failed";
  }

  /** @param {{sessionId: string, speaker: string}} who */
  async start(who) {
    if (this.active) return;
    this.kept = new KeptAudio(KEPT);
    this.leg = null;
    this.handlers.ontrouble(null);
    this.enter("connecting");
    const capture = new Capture({
      onframe: (pcm, level) => this.hear(pcm, level),
      onlost: () => this.lost(),
    });
    this.capture = capture;
    try {
      await capture.open();
    } catch (trouble) {
      if (this.capture === capture) this.fail(/** @type {Trouble} */ (trouble));
      return;
    }
    if (this.capture !== capture) {
      // Stopped while the browser was still asking for the microphone.
      await capture.release();
      return;
    }
    this.leg = new Leg(this.kept, who, {
      onstate: (state) => this.follow(state),
      onsession: (sessionId) => this.handlers.onsession(sessionId),
      onlag: (lagMs) => this.handlers.onlag(lagMs),
      onwarning: (trouble) => this.handlers.ontrouble(trouble),
      onfailure: (trouble) => this.fail(trouble),
    });
    this.leg.open();
    this.stayAwake();
  }

  /** Ends the recording; once more while it is finishing, gives up what has not been sent. */
  async stop() {
    if (this.state === "finishing") {
      this.fail(new Trouble("not_confirmed"));
    } else if (this.active) {
      const { leg, capture } = this;
      this.capture = null;
      if (!leg) {
        this.enter("idle");
        return;
      }
      this.enter("finishing");
      await capture?.close();
      leg.stop();
    }
  }

  /** The audio that the server is not known to have written down, or null when there is none. */
  unsent() {
    const { kept } = this;
    return kept && kept.end > kept.first ? kept.read(kept.first, kept.end - kept.first) : null;
  }

  hear(pcm, level) {
    const dropped = this.kept.dropped;
    this.kept.append(pcm);
    this.handlers.onlevel(level);
    this.leg?.pump();
    if (dropped === 0 && this.kept.dropped > 0) {
      this.handlers.ontrouble(new Trouble("audio_dropped"));
    }
  }

  async lost() {
    if (this.state === "finishing" || !this.active) return;
    this.handlers.ontrouble(new Trouble("device_lost"));
    await this.stop();
  }

  follow(state) {
    if (state === "ended") this.leave();
    else if (this.state !== "finishing") this.enter(state);
  }

  /** All is said; the last one to leave ends the call, so that its transcript is saved now. */
  async leave() {
    const path = `/api/sessions/${encodeURIComponent(this.leg.sessionId)}`;
    this.end("idle");
    try {
      const { legs } = await api(path);
      if (legs.every(({ state }) => state === "ended")) await api(`${path}/end`, { method: "POST" });
    } catch {
      // The server ends a call without speakers by itself, only later.
    }
  }

  fail(trouble) {
    this.handlers.ontrouble(trouble);
    this.leg?.abandon();
    this.end("failed");
  }

  end(state) {
    const capture = this.capture;
    this.capture = null;
    capture?.release();
    this.wake?.release().catch(() => {});
    this.wake = null;
    this.handlers.onlag(null);
    this.enter(state);
  }

  enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.handlers.onstate(state);
  }

  /** A telephone that goes to sleep takes the microphone with it. Refused is no harm. */
  async stayAwake() {
    const wake = await navigator.wakeLock?.request("screen").catch(() => null);
    if (this.active) this.wake = wake;
    else wake?.release().catch(() => {});
  }
}
