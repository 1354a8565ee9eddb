"""Whether a day, here ``@``, is one that has been."""

from __future__ import annotations

import pytest

from callscribe.agents.entities.tense import is_past


def past(text: str, language: str) -> bool:
    before, _, after = text.partition("@")
    return is_past(before, after, language)


@pytest.mark.parametrize(
    "text",
    [
        "je suis venu le @",
        "Le technicien est déjà passé @",
        "elle s'est arrêtée le @",
        "j'ai reçu le colis le @",
        "on a été coupé le @",
        "vous m'avez répondu le @",
        "la pièce que j'ai commandée le @",
        "il y a eu une panne le @",
        "on avait rendez-vous le @",
        "C'était le @",
        "commandé le @",
        "depuis le @",
        "votre courrier du @",
        "le @ dernier",
        "le @ de l'année dernière",
        "Le @, j'ai appelé votre service.",
        "Le @ je vous ai appelés",
    ],
)
def test_french_of_the_past(text: str) -> None:
    assert past(text, "fr")


@pytest.mark.parametrize(
    "text",
    [
        "le @",
        "le rendez-vous est le @",
        "Le magasin est fermé le @",
        "c'est prévu le @",
        "on a fixé ça le @",
        "j'ai pris rendez-vous le @",
        "j'ai commandé la pièce pour le @",
        "on a reporté au @",
        "J'ai commandé la pièce, elle arrive le @",
        "j'ai commandé la pièce et elle arrive le @",
        "Je suis venu hier. Le @ je ne peux pas.",
        "vous avez le @ ou",
        "on a aussi le @",
        "Le @ ? J'ai noté.",
        "Le @, ça vous va, j'ai tout noté",
        "vous êtes disponible le @",
        "jeudi ou @",
    ],
)
def test_french_of_days_to_come(text: str) -> None:
    assert not past(text, "fr")


@pytest.mark.parametrize(
    "text",
    [
        "I called you on @",
        "he came on @",
        "The heating broke on @",
        "we have been waiting since @",
        "it was on @",
        "I had an appointment on @",
        "did you come on @",
        "last @",
        "@ of last year",
        "On @ I ordered a part.",
        "your letter of @",
        "it was repaired on @",
    ],
)
def test_english_of_the_past(text: str) -> None:
    assert past(text, "en")


@pytest.mark.parametrize(
    "text",
    [
        "@",
        "on @",
        "can you come on @",
        "it is scheduled on @",
        "I booked it for @",
        "I moved it to @",
        "I ordered the part and it arrives on @",
        "I called, can you come on @",
        "we need it on @",
        "we need it repaired on @",
        "I made an appointment on @",
        "I was wondering about @",
        "The part will be delivered on @",
        "I came yesterday. On @ I'm away.",
        "we're closed on @",
    ],
)
def test_english_of_days_to_come(text: str) -> None:
    assert not past(text, "en")


def test_of_other_languages_nothing_is_known() -> None:
    assert not past("ich kam gestern am @", "de")
