/**
 * The choice of a language: a combobox (ARIA 1.2) that is searched by English name, own name or
 * code, with or without accents, and moved through by the arrow keys.
 */

/** @typedef {{code: string, name: string, native: string, flag: string}} Language */

/** @type {Language} */
const AUTO = { code: "auto", name: "Detect automatically", native: "", flag: "🌐" };

const plain = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase();

export class LanguagePicker {
  /**
   * @param {HTMLElement} root holds `.flag`, `input` and `ul`
   * @param {(code: string) => void} onchoice
   */
  constructor(root, onchoice) {
    this.flag = root.querySelector(".flag");
    this.input = root.querySelector("input");
    this.list = root.querySelector("ul");
    this.onchoice = onchoice;
    /** @type {Language[]} */
    this.languages = [AUTO];
    this.code = "";
    this.active = -1;
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("click", () => this.open(""));
    this.input.addEventListener("input", () => this.open(this.input.value));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.close());
    // The list is part of the field: pressing on it must not take the focus away.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = /** @type {Element} */ (event.target).closest("[role=option]");
      if (option) this.choose(option.dataset.code);
    });
  }

  /** @param {Language[]} languages without `auto`, in the order in which they are offered */
  fill(languages) {
    this.languages = [...languages.slice(0, 2), AUTO, ...languages.slice(2)];
    this.set(this.code);
  }

  /** @param {string} code shows it as chosen */
  set(code) {
    this.code = code;
    const language = this.languages.find((other) => other.code === code);
    this.flag.textContent = language?.flag ?? "";
    this.input.value = language ? label(language) : code;
  }

  get isOpen() {
    return !this.list.hidden;
  }

  open(search) {
    const wanted = plain(search.trim());
    this.found = this.languages.filter(
      ({ code, name, native }) =>
        code === wanted || plain(name).includes(wanted) || plain(native).includes(wanted),
    );
    // Exact codes and beginnings of words first, so that Enter takes what was meant.
    if (wanted) this.found.sort((a, b) => rank(a, wanted) - rank(b, wanted));
    this.list.replaceChildren(...this.found.map((language) => this.option(language)));
    if (!this.found.length) this.list.append(nothing());
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    const chosen = this.found.findIndex(({ code }) => code === this.code);
    this.move(wanted ? 0 : Math.max(0, chosen));
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.set(this.code);
  }

  choose(code) {
    const changed = code !== this.code;
    this.set(code);
    this.close();
    if (changed) this.onchoice(code);
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps) {
      event.preventDefault();
      if (this.isOpen) this.move(this.active + steps[event.key]);
      else this.open("");
    } else if (event.key === "Enter" && this.isOpen) {
      event.preventDefault();
      if (this.found[this.active]) this.choose(this.found[this.active].code);
    } else if (event.key === "Escape" && this.isOpen) {
      event.preventDefault();
      this.close();
      this.input.select();
    }
  }

  move(index) {
    this.active = Math.max(0, Math.min(index, this.found.length - 1));
    this.list.querySelector(".active")?.classList.remove("active");
    const option = this.found.length ? this.list.children[this.active] : null;
    if (!option) {
      this.input.removeAttribute("aria-activedescendant");
      return;
    }
    option.classList.add("active");
    this.input.setAttribute("aria-activedescendant", option.id);
    // Not scrollIntoView: that would scroll the page too.
    const { offsetTop: top, offsetHeight: tall } = option;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    const bottom = this.list.scrollTop + this.list.clientHeight;
    if (top + tall > bottom) this.list.scrollTop = top + tall - this.list.clientHeight;
  }

  option({ code, name, native, flag }) {
    const option = document.createElement("li");
    option.id = `language-${code}`;
    option.dataset.code = code;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(code === this.code));
    const part = (className, text) => {
      const span = document.createElement("span");
      span.className = className;
      span.textContent = text;
      return span;
    };
    const own = part("native", native === name ? "" : native);
    own.lang = code === "auto" ? "en" : code;
    const emoji = part("flag", flag);
    emoji.ariaHidden = "true";
    option.append(emoji, part("name", name), own);
    return option;
  }
}

function label({ name, native }) {
  return native && native !== name ? `${name} – ${native}` : name;
}

function rank({ code, name, native }, wanted) {
  if (code === wanted) return 0;
  return plain(name).startsWith(wanted) || plain(native).startsWith(wanted) ? 1 : 2;
}

function nothing() {
  const item = document.createElement("li");
  item.className = "nothing";
  item.textContent = "No language of this name";
  return item;
}
