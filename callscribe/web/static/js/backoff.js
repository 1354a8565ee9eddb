/** Waiting times between attempts to connect: exponential, capped, with full jitter. */
export class Backoff {
  /**
   * @param {number} first ms, the longest first wait
   * @param {number} most ms, the longest wait at all
   */
  constructor(first = 400, most = 5000) {
    this.first = first;
    this.most = most;
    this.attempts = 0;
  }

  /** @returns {number} ms to wait before the next attempt */
  next() {
    const ceiling = Math.min(this.most, this.first * 2 ** this.attempts);
    this.attempts += 1;
    // Never quite zero: a server that refuses at once must not be asked in a tight loop.
    return 100 + Math.random() * ceiling;
  }

  /** A connection has held: the next failure starts from the beginning. */
  reset() {
    this.attempts = 0;
  }
}
