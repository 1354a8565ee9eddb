"""Whether the words around a day speak of the past. Pure; imports nothing of ours.

A day that is said without its year is one to come, unless a word beside it ("dernier", "depuis",
"last year", "ago", "since") or its clause ("je suis venu", "on avait", "I called", "it was") says
that it has been. What is planned is to come, although it was planned in the past: a day behind
"pour" or "for", a verb such as "fixer" or "to book", an appointment that was made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FEW: Final = 2
"""Words before a day that begins its sentence: what it is about may be said behind it."""


@dataclass(frozen=True, slots=True)
class _Language:
    """How a language says it."""

    since: re.Pattern[str]
    """Right before a day that has been."""
    last: re.Pattern[str]
    """Right behind one."""
    goal: re.Pattern[str]
    """Right before a day to come."""
    subject: re.Pattern[str]
    """Begins a clause, as a mark does."""
    was: re.Pattern[str]
    """Tells what has been, planned or not."""
    happened: re.Pattern[str]
    planned: re.Pattern[str]


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_HAVE = r"\b(?:ai|as|a|avons|avez|ont|eut)"
_BE = r"\b(?:suis|es|est|sommes|êtes|sont)"
_ONESELF = r"\b(?:s['’]\s?est|se\s+sont|me\s+suis|t['’]\s?es)"
_BETWEEN = r"(?:\s+(?:pas|déjà|bien|aussi|tous|tout|encore|jamais|été|deux|fois|donc))*"
_DONE = (
    r"(?:\w+é|[rv]?e[çv]?u|vu|lu|su|pu|dû|fait|(?:\w+)?(?:pris|mis|rdu|ndu|tenu|venu|voulu|connu)"
    r"|ouvert|offert|écrit|fini|choisi|réussi|servi)(?:e?s?)\b"
)
_MOVED = (
    r"(?:(?:\w*)venu|passé|allé|arrivé|(?:re)?parti|tombé|resté|(?:r?en|ren)tré|sorti|monté"
    r"|descendu|retourné|né)(?:e?s?)\b"
)

_FRENCH = _Language(
    since=_any(
        r"\bdepuis(?:\s+le)?\s*$",
        r"\b(?:facture|courrier|mail|message|lettre|appel|commande)\s+du\s*$",
    ),
    last=_any(r"^\s*(?:de\s+)?(?:l['’]\s?(?:an|année)\s+)?(?:derni(?:er|ère)|passée?)\b"),
    goal=_any(r"\b(?:pour|au|d['’]\s?ici|dès|avant)(?:\s+le)?\s*$"),
    subject=_any(
        r"(?<![\w-])(?:j['’]|c['’]|qu['’])",
        r"(?<![\w-])(?:je|tu|ils?|elles?|on|nous|vous|ça|qui|que)\b(?!-)",
    ),
    was=_any(r"\b(?:étai(?:s|t|ent)|avai(?:s|t|ent)|devai(?:s|t|ent)|hier)\b"),
    happened=_any(
        rf"{_HAVE}{_BETWEEN}\s+{_DONE}",
        rf"{_BE}{_BETWEEN}\s+{_MOVED}",
        rf"{_ONESELF}{_BETWEEN}\s+{_DONE}",
        rf"^\s*{_DONE}",
    ),
    planned=_any(
        r"\b(?:fix|programm|planifi|report|décal|repouss|avanc|réserv|not|annonc|propos|confirm"
        r"|cal|bloqu|demand)ée?s?\b",
        r"\b(?:(?:pré|re)vu|convenu|promis|dit)e?s?\b",
        r"\b(?:rendez[\s-]?vous|rdv|créneau)\b",
    ),
)

_ENGLISH = _Language(
    since=_any(
        r"\b(?:since|last|back\s+on)(?:\s+the)?\s*$",
        r"\b(?:invoice|letter|mail|e-?mail|message|call|order)\s+(?:of|from)(?:\s+the)?\s*$",
    ),
    last=_any(r"^\s*(?:(?:of\s+)?last\s+year|ago)\b"),
    goal=_any(r"\b(?:for|by|until|till|before|to)(?:\s+the)?\s*$"),
    subject=_any(
        r"\b(?:I|he|she|we|they|who)\b",
        r"\b(?:it|you|that|there|this)(?=['’]|\s+(?:is|are|was|were|will|can|could|should|would"
        r"|has|have|had|did|arrives|comes|starts)\b)",
    ),
    was=_any(
        r"\b(?:was|were)\b(?!\s+(?:hoping|wondering|thinking|going|looking))",
        r"\b(?:(?:wasn|weren|hadn|didn)['’]\s?t|had|did|yesterday)\b",
    ),
    happened=_any(
        r"\b[a-z]+[^\We]ed\b",
        r"\b(?:came|went|sent|got|bought|paid|spoke|saw|met|took|gave|left|broke|began|lost|found"
        r"|wrote|rang|brought|made|been|happened|fell|ran|heard)\b",
    ),
    planned=_any(
        r"\b(?:re)?(?:scheduled|booked|planned|moved|postponed|arranged|promised|confirmed"
        r"|reserved|expected|delayed|proposed|offered|asked|wanted)\b",
        r"\b(?:appointment|booking|slot)\b",
        r"\b(?:is|are|am|be|being|gets?|will|can|could|would|should|need|like|want)\b",
        r"['’]\s?(?:ll|re|m|s|d)\b",
    ),
)

_LANGUAGES: Final = {"fr": _FRENCH, "en": _ENGLISH}
_MARK: Final = re.compile(r"[.;:!?,…]")
_STOP: Final = re.compile(r"[.;!?…]")


def is_past(before: str, after: str, language: str) -> bool:
    """Whether a day that stands between these two stretches of speech is one that has been.

    ``language``: ``fr`` or ``en``; of others nothing is known.
    """
    words = _LANGUAGES.get(language)
    if words is None:
        return False
    if words.since.search(before) or words.last.search(after):
        return True
    if words.goal.search(before):
        return False
    return any(_tells_what_was(clause, words) for clause in _clauses(before, after, words))


def _clauses(before: str, after: str, words: _Language) -> list[str]:
    """The clause that leads to a day; that which follows it, too, where it begins a sentence."""
    sentence = _STOP.split(before)[-1]
    clause = _MARK.split(sentence)[-1]
    begins = [found.start() for found in words.subject.finditer(clause)]
    clauses = [clause[begins[-1] :] if begins else clause]
    if len(sentence.split()) <= FEW:
        clauses += [part for part in _MARK.split(_STOP.split(after)[0]) if part.strip()][:1]
    return clauses


def _tells_what_was(clause: str, words: _Language) -> bool:
    if words.was.search(clause):
        return True
    return bool(words.happened.search(clause)) and not words.planned.search(clause)
