/** Everything that can go wrong on a page, as sentences that say what to do. */

const SENTENCES = {
  insecure_context: [
    "No microphone on an insecure page",
    "Browsers give the microphone to secure pages only. Open this page over https, or on the " +
      "server's own machine under http://localhost.",
  ],
  NotAllowedError: [
    "The microphone was refused",
    "Allow the microphone for this page beside the browser's address bar, then record again.",
  ],
  NotFoundError: [
    "No microphone was found",
    "Connect a microphone or a headset, then record again.",
  ],
  NotReadableError: [
    "The microphone is busy",
    "Another program holds it. Close that program or unplug and replug the device, then record " +
      "again.",
  ],
  device_lost: [
    "The microphone was disconnected",
    "What was said until then is written down. Connect it and record again to go on.",
  ],
  server_gone: [
    "The server does not answer",
    "Go on speaking: what you say is kept here and sent as soon as the server is back.",
  ],
  model_loading: [
    "The model is still being loaded",
    "Go on speaking: what you say is kept here and written down in a moment.",
  ],
  not_loaded: [
    "The server does not answer",
    "The part of this page that hears the microphone is not here yet. Record again once the " +
      "server is back.",
  ],
  server_gone_page: [
    "The server does not answer",
    "This page goes on by itself as soon as the server is back.",
  ],
  at_capacity: [
    "The server is full",
    "It takes no further speaker just now. Try again when another call has ended.",
  ],
  unauthorized: ["The key was refused", "Check the key with whoever runs this server."],
  bad_key: [
    "This cannot be a key",
    "It holds characters that no key of this server has. Check it for spaces and quotes.",
  ],
  speaker_taken: [
    "This speaker is taken",
    "Somebody already speaks under this name in this call. Choose another name and record again.",
  ],
  audio_dropped: [
    "The oldest audio had to go",
    "The server has been away for more than ten minutes, which is all that this page can keep. " +
      "What is older will be missing from the transcript.",
  ],
  new_session: [
    "The call goes on in a new session",
    "The server had closed the earlier one while it could not be reached. What was said meanwhile " +
      "stands in the new one.",
  ],
  session_deleted: [
    "The call was deleted",
    "Somebody has deleted this call: what was said in it is gone, and nothing more is written down.",
  ],
  not_confirmed: [
    "The end was not confirmed",
    "The connection was lost before the server had written everything down.",
  ],
  no_such_session: [
    "There is no such call",
    "It may have been deleted, or the address is not complete.",
  ],
};

/** An error that a person is told about: a stable code, a title and a sentence. */
export class Trouble extends Error {
  /**
   * @param {string} code a key of the table, or any code of the server
   * @param {string} [message] the server's own sentence, for codes without one here
   */
  constructor(code, message) {
    const [title, sentence] = SENTENCES[code] ?? ["Something went wrong", message || code];
    super(sentence);
    this.code = code;
    this.title = title;
    /** Over as soon as the connection stands again. */
    this.passing = false;
  }

  /** @returns {Trouble} this one, marked as over when the connection stands again */
  untilConnected() {
    this.passing = true;
    return this;
  }

  /**
   * @param {unknown} error what `getUserMedia` or the audio context threw
   * @returns {Trouble}
   */
  static ofMicrophone(error) {
    const name = error instanceof Error || error instanceof DOMException ? error.name : "";
    const same = {
      SecurityError: "NotAllowedError",
      AbortError: "NotReadableError",
      OverconstrainedError: "NotFoundError",
    };
    return new Trouble(same[name] ?? name, String(error));
  }
}
