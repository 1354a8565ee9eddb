/** The microphone as 16 kHz PCM16 frames: getUserMedia, an AudioContext and the worklet. */

import { Trouble } from "./trouble.js";

/** Sample rate that is sent, Hz. */
export const RATE = 16000;

/** Samples in a frame: 32 ms, also the window of the server's voice detector. */
export const FRAME = 512;

const CONSTRAINTS = {
  audio: {
    channelCount: 1,
    echoCancellation: true,
    // Recognisers are trained on noise; what suppression removes they cannot get back.
    noiseSuppression: false,
    autoGainControl: true,
  },
};

/** @type {Promise<AudioContext> | null} */
let prepared = null;

/**
 * Makes the page's one audio context and loads the worklet into it. Done ahead, so that Record
 * hears from the first moment, also while the server is away.
 *
 * @returns {Promise<AudioContext>}
 */
export function prepare() {
  const make = async () => {
    const context = new AudioContext({ latencyHint: "interactive" });
    await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
    return context;
  };
  prepared ??= make().catch((error) => {
    prepared = null;
    throw error;
  });
  return prepared;
}

/**
 * An open microphone. `onframe` gets each frame as it is full, `onlost` is called when the device
 * goes away by itself.
 */
export class Capture {
  /**
   * @param {{onframe: (pcm: Int16Array, level: number) => void, onlost: () => void}} handlers
   */
  constructor({ onframe, onlost }) {
    this.onframe = onframe;
    this.onlost = onlost;
  }

  /**
   * Asks for the microphone and begins to listen. Throws a `Trouble` that says what to do.
   *
   * @returns {Promise<void>}
   */
  async open() {
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
      throw new Trouble("insecure_context");
    }
    try {
      this.context = await prepare();
    } catch {
      throw new Trouble("not_loaded");
    }
    try {
      const asked = navigator.mediaDevices.getUserMedia(CONSTRAINTS);
      [this.stream] = await Promise.all([asked, this.context.resume()]);
    } catch (error) {
      await this.release();
      throw Trouble.ofMicrophone(error);
    }
    this.node = new AudioWorkletNode(this.context, "capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate: RATE, frame: FRAME },
    });
    this.finished = new Promise((resolve) => {
      this.node.port.onmessage = ({ data }) => {
        if (data.done) resolve();
        else this.onframe(data.pcm, data.level);
      };
    });
    this.stream.getAudioTracks()[0].addEventListener("ended", () => this.onlost());
    // A phone call or another app may take the audio for a while; ask for it back afterwards.
    this.context.onstatechange = () => {
      if (this.context?.state === "suspended") this.context.resume().catch(() => {});
    };
    this.source = this.context.createMediaStreamSource(this.stream);
    // The node writes nothing to its output; connected, it is pulled by every browser.
    this.source.connect(this.node).connect(this.context.destination);
  }

  /** Hands out what is left in the resampler, then lets the microphone go. */
  async close() {
    if (this.node) {
      this.node.port.postMessage("finish");
      await Promise.race([this.finished, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
    await this.release();
  }

  async release() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.source?.disconnect();
    this.node?.disconnect();
    const context = this.context;
    this.source = this.node = this.stream = this.context = undefined;
    if (!context) return;
    context.onstatechange = null;
    await context.suspend().catch(() => {});
  }
}
