/**
 * Captured audio that the server has not written down yet, addressed by sample number.
 *
 * Samples are counted from the first one captured. When more is kept than `limit`, the oldest go;
 * those that the server did not even have are counted: whoever shows the recording says so.
 */
export class KeptAudio {
  /** @param {number} limit samples that are kept at most */
  constructor(limit) {
    this.limit = limit;
    /** @type {{start: number, pcm: Int16Array}[]} */
    this.chunks = [];
    /** The first sample that is still here. */
    this.first = 0;
    /** One past the last sample captured. */
    this.end = 0;
    /** One past the last sample that the server has: only its death could lose it. */
    this.delivered = 0;
    /** Samples that had to go before the server had them. */
    this.dropped = 0;
  }

  /** @param {Int16Array} pcm the next samples captured */
  append(pcm) {
    if (pcm.length === 0) return;
    this.chunks.push({ start: this.end, pcm });
    this.end += pcm.length;
    const before = this.unsent;
    if (this.end - this.first > this.limit) this.forget(this.end - this.limit);
    this.dropped += this.unsent - before;
  }

  /** The first sample that the server is not known to have. */
  get unsent() {
    return Math.max(this.first, this.delivered);
  }

  /** @param {number} sample the first one that the server does not have */
  deliver(sample) {
    this.delivered = Math.min(sample, this.end);
  }

  /** @param {number} sample the first one that is still wanted */
  forget(sample) {
    this.first = Math.max(this.first, Math.min(sample, this.end));
    let gone = 0;
    while (gone < this.chunks.length) {
      const { start, pcm } = this.chunks[gone];
      if (start + pcm.length > this.first) break;
      gone += 1;
    }
    if (gone) this.chunks.splice(0, gone);
  }

  /**
   * Samples from one number on. Those that had to go read as silence, so that everything after
   * them keeps its place on the call clock.
   *
   * @param {number} from
   * @param {number} most
   * @returns {Int16Array} as many as there are, at most `most`
   */
  read(from, most) {
    const pcm = new Int16Array(Math.max(0, Math.min(most, this.end - from)));
    for (let i = this.find(from); i < this.chunks.length; i += 1) {
      const { start, pcm: chunk } = this.chunks[i];
      if (start >= from + pcm.length) break;
      const skip = Math.max(0, from - start);
      const place = Math.max(0, start - from);
      pcm.set(chunk.subarray(skip, skip + pcm.length - place), place);
    }
    return pcm;
  }

  /** The chunk that holds a sample, or the first one after it. */
  find(sample) {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { start, pcm } = this.chunks[middle];
      if (start + pcm.length <= sample) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
