/**
 * One speaker's audio on its way to the server: the protocol of `/ws/audio`, and its survival.
 *
 * The leg sends what `KeptAudio` holds and forgets what the server has written down. A connection
 * that drops is made again with the `resume` token, and the audio goes on from the sample that
 * `ready` names. Where the server died, a new leg goes on where it stopped writing: nothing is lost,
 * nothing is heard twice. It knows nothing of microphones or of the page.
 */

import { api, health, openSocket } from "./api.js";
import { Backoff } from "./backoff.js";
import { RATE } from "./capture.js";
import { Trouble } from "./trouble.js";

/** Samples in one message: 20 to 40 ms, so that a resume at any sample falls into step again. */
const LEAST = RATE / 50;
const MOST = RATE / 25;

/** Bytes that may wait in the socket: two seconds of audio, the rest stays where it can be seen. */
const IN_FLIGHT = RATE * 2 * 2;

/** ms without any message after which an open socket counts as dead; `ack` comes every second. */
const SILENCE = 8_000;

/** ms a connection must hold for its failure to count as a new one. */
const STABLE = 10_000;

/** ms that finishing may take without a sign of progress. */
const PATIENCE = 60_000;

/** Close code of a server that has told everything. */
const NORMAL = 1000;
/** Codes with which a server says that the leg to be resumed is not there any more. */
const FORGOTTEN = new Set(["no_such_session", "session_closed", "no_such_leg", "bad_resume"]);

/**
 * @typedef {object} LegHandlers
 * @property {(state: "connecting" | "recording" | "reconnecting" | "ended") => void} onstate
 * @property {(sessionId: string, engine: string) => void} onsession
 * @property {(lagMs: number | null) => void} onlag
 * @property {(trouble: Trouble) => void} onwarning said, and the leg goes on
 * @property {(trouble: Trouble) => void} onfailure the leg is over
 */

export class Leg {
  /**
   * @param {import("./kept-audio.js").KeptAudio} kept
   * @param {{sessionId: string, speaker: string}} who
   * @param {LegHandlers} handlers
   */
  constructor(kept, { sessionId, speaker }, handlers) {
    this.kept = kept;
    this.sessionId = sessionId;
    this.speaker = speaker;
    this.handlers = handlers;
    this.backoff = new Backoff();
    this.resume = "";
    /** The server has once taken this leg. */
    this.begun = false;
    /** The captured sample that is the leg's first one. */
    this.base = 0;
    /** The name of what is captured, for servers that know nothing of this connection. */
    this.recording = crypto.getRandomValues(new Uint32Array(4)).join("-");
    /** The first captured sample of which it is not known that what it says is written down. */
    this.settled = 0;
    /** The next captured sample to be sent. */
    this.sent = 0;
    this.ready = false;
    this.stopping = false;
    /** When the last sample was captured, once no more follow. */
    this.stopped = 0;
    this.over = false;
    /** The server is being asked how much it has; no connection until that is known. */
    this.asking = false;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.hurry = () => this.connect();
  }

  /** Connects. Everything after that is told to the handlers. */
  open() {
    window.addEventListener("online", this.hurry);
    this.watch = setInterval(() => this.check(), 1000);
    this.handlers.onstate("connecting");
    this.connect();
  }

  /** More audio is there to be sent. */
  pump() {
    const socket = this.socket;
    if (!this.ready || this.stopSent || socket?.readyState !== WebSocket.OPEN) return;
    while (socket.bufferedAmount < IN_FLIGHT) {
      const waiting = this.kept.end - this.sent;
      if (waiting === 0 || (waiting < LEAST && !this.stopping)) break;
      const pcm = this.kept.read(this.sent, MOST);
      socket.send(pcm);
      this.sent += pcm.length;
    }
    if (this.stopping && this.sent === this.kept.end) {
      this.stopSent = true;
      socket.send(JSON.stringify({ type: "stop" }));
    } else if (this.kept.end - this.sent >= LEAST) {
      clearTimeout(this.refill);
      this.refill = setTimeout(() => this.pump(), 20);
    }
  }

  /** No audio follows: the rest is sent, then the server is asked for its last words. */
  stop() {
    this.stopping = true;
    this.stopped = this.progress = performance.now();
    this.pump();
    this.connect();
  }

  /** Ends at once, whatever has not been sent. */
  abandon() {
    this.finish();
  }

  /** The page goes away: a last word, so that the server need not wait for this leg. */
  farewell() {
    if (this.ready && !this.stopSent) {
      this.stopping = true;
      this.pump();
    }
  }

  /** Opens a socket unless there is one: a second would take the leg over from the first. */
  connect() {
    if (this.over || this.socket || this.asking) return;
    clearTimeout(this.retry);
    let socket;
    try {
      socket = openSocket("/ws/audio");
    } catch (trouble) {
      this.fail(/** @type {Trouble} */ (trouble));
      return;
    }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.ready = this.stopSent = false;
    this.failure = null;
    this.heard = performance.now();
    socket.onopen = () => this.introduce();
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = ({ code, reason }) => this.closed(code, reason);
  }

  introduce() {
    this.opened = performance.now();
    if (!this.resume) this.base = this.kept.first;
    this.socket?.send(
      JSON.stringify({
        type: "start",
        session_id: this.sessionId,
        speaker: this.speaker,
        sample_rate: RATE,
        encoding: "linear16",
        resume: this.resume,
        waiting_ms: this.resume ? 0 : this.age,
        recording: { id: this.recording, settled: this.settled, kept: this.base },
      }),
    );
  }

  /** How long ago the leg's first sample was captured, ms; never 0: the microphone is open. */
  get age() {
    const captured = (1000 * (this.kept.end - this.base)) / RATE;
    const since = this.stopped ? performance.now() - this.stopped : 0;
    return Math.max(1, Math.round(captured + since));
  }

  receive(message) {
    this.heard = this.progress = performance.now();
    if (message.type === "ready") this.begin(message);
    else if (message.type === "ack") this.acknowledge(message);
    else if (message.type === "error") this.complain(message);
    else if (message.type === "ended") this.end(message);
  }

  begin({ session_id: sessionId, resume, received, engine, skip = 0 }) {
    this.sessionId = sessionId;
    this.ready = this.begun = true;
    if (!this.resume) {
      const whole = skip || this.base <= this.settled;
      this.base = Math.min(this.base + skip, this.kept.end);
      if (whole) this.settle(this.base); // else some had to go that nobody has
    }
    this.resume = resume;
    this.sent = Math.min(this.base + received, this.kept.end);
    this.kept.deliver(this.sent);
    this.handlers.onsession(sessionId, engine);
    this.handlers.onstate("recording");
    this.pump();
  }

  /** The leg is over: as it was asked to, or because the call or the server has ended. */
  end({ seconds }) {
    if (this.stopping) {
      this.finish("ended");
      return;
    }
    this.ended = true; // the close code will say why
    this.kept.forget(this.base + Math.round(seconds * RATE));
  }

  acknowledge({ received, lag_ms: lag, settled = received }) {
    this.kept.deliver(this.base + received);
    if (settled) this.settle(this.base + settled);
    this.handlers.onlag(lag);
    this.pump();
  }

  /** All before a sample is written down: it need not be kept. */
  settle(sample) {
    this.settled = Math.max(this.settled, sample);
    this.kept.forget(this.settled);
  }

  complain(message) {
    if (message.fatal) this.failure = message;
    else this.warn(new Trouble(message.code, message.message), !this.ready);
  }

  /** The connection is gone: what that means depends on the code, and on how far it had come. */
  async closed(code, reason) {
    const opened = this.opened;
    const { failure, ready } = this;
    this.drop();
    if (this.over) return;
    if (opened && performance.now() - opened > STABLE) this.backoff.reset();
    // A server that ends may be gone before its code is through.
    if (this.ended && code === NORMAL) {
      this.finish("ended");
      return;
    }
    if (this.begun && (this.ended || FORGOTTEN.has(failure?.code))) {
      await this.startAfresh();
      return;
    }
    const trouble = refusal(code, reason, failure, this.begun);
    if (trouble) {
      this.fail(trouble);
      return;
    }
    this.handlers.onstate("reconnecting");
    if (failure) this.warn(new Trouble(failure.code, failure.message), true);
    else if (!ready) await this.diagnose();
    this.later();
  }

  /** Why a connection does not come about: the wrong key ends the leg, an absent server does not. */
  async diagnose() {
    const state = await health();
    if (this.ready) return; // connected meanwhile: that answers it
    if (state === "unauthorized") this.fail(new Trouble("unauthorized"));
    else if (state === "gone") this.warn(new Trouble("server_gone"), true);
  }

  /** Something to be said while the leg goes on; `passing` until it is connected again. */
  warn(trouble, passing) {
    if (!this.over) this.handlers.onwarning(passing ? trouble.untilConnected() : trouble);
  }

  /**
   * The server has ended this leg while it could not be reached, or has died. What is written down
   * stays there; the rest goes to a new leg, of the same session where that still lives.
   */
  async startAfresh() {
    this.handlers.onstate("reconnecting");
    this.kept.deliver(this.kept.first);
    if (this.ended) {
      this.ended = false;
      this.resume = this.sessionId = "";
      this.warn(new Trouble("new_session"), false);
    } else if (this.resume) {
      this.resume = "";
      this.asking = true;
      const session = await api(`/api/sessions/${encodeURIComponent(this.sessionId)}`).catch(
        () => null,
      );
      this.asking = false;
      const legs = session?.legs.filter(({ recording }) => recording === this.recording) ?? [];
      // Who has stopped need not come back only to hear that the last words are written down.
      for (const { first, received, settled } of legs)
        this.settle(first + (this.stopping ? received : settled));
      if (session?.state === "ended") {
        this.sessionId = "";
        this.warn(new Trouble("new_session"), false);
      }
    } else {
      this.sessionId = "";
      this.warn(new Trouble("new_session"), false);
    }
    if (this.stopping && this.kept.first === this.kept.end) this.finish("ended");
    else this.later();
  }

  later() {
    if (this.over) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), this.backoff.next());
  }

  /** A socket may be dead without saying so; finishing may never come to an end. */
  check() {
    const now = performance.now();
    if (this.socket && now - this.heard > SILENCE) {
      const socket = this.socket;
      this.closed(1006, "");
      socket.close();
    }
    if (this.stopping && now - this.progress > PATIENCE) this.fail(new Trouble("not_confirmed"));
  }

  drop() {
    clearTimeout(this.refill);
    if (this.socket) this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket = null;
    this.ready = this.stopSent = false;
    this.opened = 0;
  }

  fail(trouble) {
    if (this.over) return;
    this.finish();
    this.handlers.onfailure(trouble);
  }

  finish(state) {
    if (this.over) return;
    this.over = true;
    window.removeEventListener("online", this.hurry);
    clearInterval(this.watch);
    clearTimeout(this.retry);
    const socket = this.socket;
    this.drop();
    socket?.close(1000);
    if (state === "ended") this.kept.forget(this.kept.end);
    if (state) this.handlers.onstate(state);
  }
}

/**
 * Why a closed connection must not be made again, or null when it may.
 *
 * @param {number} code
 * @param {string} reason
 * @param {{code: string, message: string, retryable: boolean} | null} failure
 * @param {boolean} resuming a leg that was open already has its place on the server
 */
function refusal(code, reason, failure, resuming) {
  if (failure?.code === "shutting_down") return null;
  const full = code === 1013 || failure?.code === "at_capacity";
  if (full) return resuming ? null : new Trouble("at_capacity");
  // The server may notice later than this page that the earlier connection is dead.
  if (failure?.code === "speaker_taken") return resuming ? null : new Trouble("speaker_taken");
  if (failure && !failure.retryable) return new Trouble(failure.code, failure.message);
  const refused = code === 1008 || code === 1003 || code === 1007 || code === 1009;
  return refused ? new Trouble(code === 1008 ? "unauthorized" : "refused", reason) : null;
}
