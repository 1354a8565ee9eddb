/** The settings of the next recording: every change is saved at once, or its error is shown. */

import { api, ApiError } from "./api.js";
import { LanguagePicker } from "./language-picker.js";

const PATH = "/api/config/transcription";

/** Milliseconds after which a server that was away is asked again to save. */
const AGAIN = 3000;

export class SettingsForm {
  /**
   * @param {HTMLFormElement} form its fields are named as the configuration keys
   * @param {(config: any) => void} onconfig called with the configuration whenever it is known anew
   */
  constructor(form, onconfig) {
    this.form = form;
    this.onconfig = onconfig;
    this.note = form.querySelector("#saved");
    this.picker = new LanguagePicker(form.querySelector(".combobox"), (code) =>
      this.save({ transcription_language: code }),
    );
    /** Changes are saved one after the other: the last one wins. */
    this.saving = Promise.resolve();
    this.waiting = 0;
    /** What could not be saved because the server is away; the next save takes it along. */
    this.unsaved = {};
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", ({ target }) => {
      const key = target.name;
      if (key) this.save({ [key]: this.read(key) });
    });
    form.addEventListener("input", () => this.label());
  }

  async load() {
    const [config, status] = await Promise.all([api(PATH), api("/api/status")]);
    this.picker.fill(status.languages);
    if (!this.waiting && !Object.keys(this.unsaved).length) this.show(config);
    this.showBackends(status.backends);
    return status;
  }

  /** Looks at the engines alone: whoever is changing a setting is not disturbed. */
  async look() {
    const status = await api("/api/status");
    this.showBackends(status.backends);
    return status;
  }

  /**
   * @param {Record<string, unknown>} changes
   * @returns {Promise<void>} when they are saved or refused
   */
  save(changes) {
    this.waiting += 1;
    this.saving = this.saving.then(() => this.put(changes));
    return this.saving;
  }

  async put(changes) {
    clearTimeout(this.again);
    const body = { ...this.unsaved, ...changes };
    // Somebody who hears the page is told once that the server is away.
    if (!Object.keys(this.unsaved).length) this.say("Saving…", "saving");
    for (const key of Object.keys(body)) this.complain(key, "");
    try {
      const config = await api(PATH, { method: "PUT", body });
      this.waiting -= 1;
      this.unsaved = {};
      // While further changes wait, the page knows better than this answer.
      if (this.waiting) return;
      this.show(config);
      this.say("Saved", "saved");
    } catch (error) {
      this.waiting -= 1;
      const problems = error instanceof ApiError ? error.detail : [];
      if (error.code === "server_gone_page" || (!problems.length && error.retryable)) {
        this.unsaved = body;
        this.say("Saved when the server is back", "failed");
        this.again = setTimeout(() => this.save({}), AGAIN);
        return;
      }
      this.unsaved = {};
      const changed = Object.entries(body);
      if (changed.length > Object.keys(changes).length) {
        await this.putEach(changed);
        return;
      }
      this.say("Not saved", "failed");
      for (const { loc, msg } of problems) this.complain(this.keyOf(loc), msg);
      if (!problems.length) this.complain(changed[0]?.[0] ?? "", error.message);
    }
  }

  /** What waited for the server is not refused together with what is wrong. */
  async putEach(changed) {
    this.waiting += changed.length; // none is shown as the server has it before the last is known
    for (const [key, value] of changed) await this.put({ [key]: value });
    if (changed.some(([key]) => this.isRefused(key))) this.say("Not saved", "failed");
  }

  /** @returns {Promise<void>} when all changes are saved, refused, or known to have to wait */
  settled() {
    return Object.keys(this.unsaved).length ? this.save({}) : this.saving;
  }

  /** The field that an error is about: a `loc` may begin with `body` and end with an index. */
  keyOf(loc) {
    return loc.find((part) => this.place(String(part))) ?? "";
  }

  place(key) {
    return this.form.querySelector(`[data-error-for="${CSS.escape(key)}"]`);
  }

  complain(key, message) {
    const place = this.place(String(key)) ?? this.form.querySelector("[data-error-for='']");
    place.textContent = message.replace(/^Value error, /, "");
    place.hidden = !message;
  }

  /** What was written in a field is not what the server has: it stays to be corrected. */
  isRefused(key) {
    return this.place(key)?.hidden === false;
  }

  say(text, state) {
    this.note.textContent = text;
    this.note.dataset.state = state;
  }

  read(key) {
    const field = this.form.elements[key];
    if (field.type === "textarea") {
      return field.value
        .split(key === "keyterms" ? /[\n,;]/ : "\n")
        .map((term) => term.trim())
        .filter(Boolean);
    }
    if (key === "low_confidence") return Number(field.value) / 100;
    if (key === "unsure_below") return { ...this.unsureBelow, "*": Number(field.value) / 100 };
    if (field.type === "checkbox") return field.checked;
    return field.type === "range" ? Number(field.value) : field.value;
  }

  /** Shows what the server has; a field that is being written in is left alone. */
  show(config) {
    const { elements } = this.form;
    this.picker.set(config.transcription_language);
    for (const [key, value] of Object.entries(config)) {
      const field = elements[key];
      if (!field) continue;
      if (typeof value === "boolean") field.checked = value;
      else if (field === document.activeElement || this.isRefused(key)) continue;
      else if (Array.isArray(value)) field.value = value.join("\n");
      else if (key === "unsure_below") {
        this.unsureBelow = value;
        field.value = String(Math.round((value["*"] ?? 0) * 100));
      }
      else field.value = String(key === "low_confidence" ? Math.round(value * 100) : value);
    }
    this.label();
    this.onconfig(config);
  }

  /** The numbers beside the sliders. */
  label() {
    const {
      endpointing_ms: silence,
      low_confidence: low,
      unsure_below: unsure,
    } = this.form.elements;
    const outputs = this.form.querySelectorAll("output");
    outputs[0].textContent = `${(Number(silence.value) / 1000).toFixed(2)} s`;
    outputs[1].textContent = `${low.value} %`;
    outputs[2].textContent = Number(unsure.value) ? `${unsure.value} %` : "never";
    unsure.setAttribute("aria-valuetext", outputs[2].textContent);
  }

  showBackends(backends) {
    /** An engine is still being loaded: it will be available soon, or say why not. */
    this.loading = backends.some(({ loading }) => loading);
    for (const { name, available, reason, loading } of backends) {
      const radio = this.form.querySelector(`input[value="${CSS.escape(name)}"]`);
      if (!radio) continue;
      radio.disabled = !available;
      const note = radio.closest("label").querySelector(".reason");
      note.textContent = available ? "" : (reason ?? "Not available");
      note.hidden = available;
      // No key is a choice, and loading passes; a model that cannot be used is neither.
      note.classList.toggle("wrong", !loading && name !== "deepgram");
    }
  }
}
