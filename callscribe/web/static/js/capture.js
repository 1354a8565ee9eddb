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
    // Made before the first await, while the key or click that asked for it still counts.
    this.context = new AudioContext({ latencyHint: "interactive" });
    try {
      const module = this.context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
      [this.stream] = await Promise.all([
        navigator.mediaDevices.getUserMedia(CONSTRAINTS),
        module,
        this.context.resume(),
      ]);
    } catch (error) {
      await this.release();
      throw Trouble.ofMicrophone(error);
    }
    this.node = new AudioWorkletNode(this.context, "capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate: RATE, frame: FRAME },
    });
    const finished = new Promise((resolve) => {
      this.node.port.onmessage = ({ data }) => {
        if (data.done) resolve();
        else this.onframe(data.pcm, data.level);
      };
    });
    this.finished = finished;
    this.stream.getAudioTracks()[0].addEventListener("ended", () => this.onlost());
    // A phone call or another app may take the audio for a while; ask for it back afterwards.
    this.context.onstatechange = () => {
      if (this.context?.state === "suspended") this.context.resume().catch(() => {});
    };
    // The node writes nothing to its output; connected, it is pulled by every browser.
    this.context.createMediaStreamSource(this.stream).connect(this.node).connect(
      this.context.destination,
    );
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
    const context = this.context;
    this.node = this.stream = this.context = undefined;
    if (context && context.state !== "closed") await context.close();
  }
}
