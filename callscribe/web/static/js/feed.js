/**
 * Everything that happens in a session, in order, each event once: the events socket, resumed
 * from the last number whenever it drops, and after the end of the call a look at what agents
 * still found.
 */

import { api, ApiError, health, openSocket } from "./api.js";
import { Backoff } from "./backoff.js";
import { Trouble } from "./trouble.js";

/** Close code of a server that does not know the session, besides those that may be retried. */
const POLICY = 1008;

/** s after the end of a call in which its agents may still have something to say. */
const AFTERMATH = 180;

/** ms until they are looked at for the second time; each further wait is twice as long. */
const SECOND_LOOK = 1500;

export class Feed {
  /**
   * @param {string} sessionId
   * @param {object} handlers
   * @param {(event: any) => void} handlers.onevent
   * @param {(connected: boolean) => void} [handlers.onconnected]
   * @param {(trouble: Trouble) => void} [handlers.ontrouble] nothing more will come
   */
  constructor(sessionId, { onevent, onconnected = () => {}, ontrouble = () => {} }) {
    this.path = `/sessions/${encodeURIComponent(sessionId)}/events`;
    this.handlers = { onevent, onconnected, ontrouble };
    this.backoff = new Backoff();
    /** The number of the latest event: the socket goes on behind it. */
    this.seq = 0;
    this.over = false;
    /** The call has ended: the socket has no more to tell. */
    this.ended = false;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.hurry = () => this.connect();
  }

  open() {
    window.addEventListener("online", this.hurry);
    this.connect();
  }

  close() {
    this.over = true;
    window.removeEventListener("online", this.hurry);
    clearTimeout(this.retry);
    this.socket?.close(1000);
  }

  /** Opens a socket unless there is one: the network may be back before a timer is due. */
  connect() {
    if (this.over || this.ended || this.socket) return;
    clearTimeout(this.retry);
    let socket;
    try {
      socket = openSocket(`/ws${this.path}?since=${this.seq}`);
    } catch (trouble) {
      this.end(trouble);
      return;
    }
    this.socket = socket;
    socket.onopen = () => this.handlers.onconnected(true);
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = ({ code }) => this.closed(code);
  }

  receive(event) {
    if (this.over) return;
    if (event.type === "error" && event.fatal) this.refusal = event;
    if (!(event.seq > this.seq)) return;
    this.seq = event.seq;
    this.backoff.reset();
    this.handlers.onevent(event);
    if (event.type === "session_ended") this.finish(event);
  }

  async closed(code) {
    this.socket = null;
    if (this.over || this.ended) return;
    this.handlers.onconnected(false);
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal && !refusal.retryable) {
      this.end(new Trouble(refusal.code, refusal.message));
      return;
    }
    if (code === POLICY || code === 1006) {
      const state = await health();
      if (this.over || this.socket) return; // closed or connected while the server was asked
      if (state === "unauthorized") {
        this.end(new Trouble("unauthorized"));
        return;
      }
    }
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), this.backoff.next());
  }

  /** The call has ended: the server says no more by itself. */
  finish({ at }) {
    this.ended = true;
    this.socket?.close(1000);
    this.lookAgain(SECOND_LOOK, (at + AFTERMATH) * 1000);
  }

  /** Asks what agents have found since, more and more rarely. */
  async lookAgain(wait, until) {
    try {
      const { events } = await api(`/api${this.path}?since=${this.seq}`);
      for (const event of events) this.receive(event);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.close(); // deleted: what is shown may still be read
        return;
      }
    }
    if (this.over || Date.now() + wait > until) return;
    this.retry = setTimeout(() => this.lookAgain(wait * 2, until), wait);
  }

  end(trouble) {
    this.close();
    this.handlers.ontrouble(trouble);
  }
}
