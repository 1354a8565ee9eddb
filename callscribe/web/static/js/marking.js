/** Where the words that were searched for stand in a text; as the server finds them. No DOM. */

/** Words; in scripts without spaces each sign is one. */
const WORD =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]\p{M}*|[\p{L}\p{N}\p{M}]+/gu;

/** Letters that Unicode does not take apart, although people type them otherwise. */
const SPELLED = { œ: "oe", æ: "ae", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ß: "ss" };

/** Characters that are shown before the first mark, and in all. */
const BEFORE = 60;
const SHOWN = 220;

/**
 * @param {string} word
 * @returns {string} without case and accents
 */
export function fold(word) {
  const apart = word.toLowerCase().normalize("NFKD").replace(/\p{M}+/gu, "");
  return apart.replace(/[œæøłđðþß]/g, (letter) => SPELLED[letter]);
}

/**
 * Cuts a text where the words of a search stand in it, or words that begin with them.
 *
 * @param {string} text
 * @param {string} search
 * @returns {{text: string, marked: boolean}[]}
 */
export function marks(text, search) {
  const wanted = [...search.matchAll(WORD)].map(([word]) => fold(word)).filter(Boolean);
  const found = [];
  let at = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    const folded = fold(word);
    if (!wanted.some((start) => folded.startsWith(start))) continue;
    if (index > at) found.push({ text: text.slice(at, index), marked: false });
    found.push({ text: word, marked: true });
    at = index + word.length;
  }
  if (at < text.length) found.push({ text: text.slice(at), marked: false });
  return found;
}

/**
 * A text that is too long to be shown, from a little before its first mark on.
 *
 * @param {string} text
 * @param {string} search
 * @returns {{text: string, marked: boolean}[]}
 */
export function excerpt(text, search) {
  if (text.length <= SHOWN) return marks(text, search);
  const first = marks(text, search)[0];
  const place = first && !first.marked ? first.text.length : 0;
  let begin = place > BEFORE ? text.lastIndexOf(" ", place - BEFORE) + 1 : 0;
  if (place - begin > 2 * BEFORE) begin = place - BEFORE;
  let end = begin + SHOWN < text.length ? text.lastIndexOf(" ", begin + SHOWN) : text.length;
  if (end <= place) end = Math.min(text.length, begin + SHOWN);
  const cut = (begin ? "… " : "") + text.slice(begin, end) + (end < text.length ? " …" : "");
  return marks(cut, search);
}
