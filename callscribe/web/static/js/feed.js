/**
 * Everything that happens in a session, in order, each event once: the events socket, resumed
 * from the last number whenever it drops.
 */

import { health, openSocket } from "./api.js";
import { Backoff } from "./backoff.js";
import { Trouble } from "./trouble.js";

/** Close code of a server that does not know the session, besides those that may be retried. */
const POLICY = 1008;

export class Feed {
  /**
   * @param {string} sessionId
   * @param {object} handlers
   * @param {(event: any) => void} handlers.onevent
   * @param {(connected: boolean) => void} [handlers.onconnected]
   * @param {(trouble: Trouble) => void} [handlers.ontrouble] nothing more will come
   */
  constructor(sessionId, { onevent, onconnected = () => {}, ontrouble = () => {} }) {
    this.path = `/ws/sessions/${encodeURIComponent(sessionId)}/events`;
    this.handlers = { onevent, onconnected, ontrouble };
    this.backoff = new Backoff();
    /** The number of the latest event: the socket goes on behind it. */
    this.seq = 0;
    this.over = false;
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
    if (this.over || this.socket) return;
    clearTimeout(this.retry);
    let socket;
    try {
      socket = openSocket(`${this.path}?since=${this.seq}`);
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
    if (event.type === "error" && event.fatal) this.refusal = event;
    if (!(event.seq > this.seq)) return;
    this.seq = event.seq;
    this.backoff.reset();
    this.handlers.onevent(event);
    if (event.type === "session_ended") this.close();
  }

  async closed(code) {
    this.socket = null;
    if (this.over) return;
    this.handlers.onconnected(false);
    const { refusal } = this;
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

  end(trouble) {
    this.close();
    this.handlers.ontrouble(trouble);
  }
}
