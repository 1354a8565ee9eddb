"""Transcripts for the export tests: one real-looking call and any at all."""

from hypothesis import strategies as st

from callscribe.transcript import Transcript, Utterance, Word

SPEECH = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="-"), min_size=1, max_size=14
)
"""A word without white space or the hyphens that could make an arrow."""

TALK = "oui non. d'accord, et le voyant reste orange ? branché redémarre".split()  # noqa: SIM905
"""Words of short turns."""

SECONDS = st.floats(0, 20_000, allow_nan=False)


def utterance(
    speaker: str, start: float, text: str, *, pace: float = 0.4, number: int = 0
) -> Utterance:
    """An utterance whose words take ``pace`` seconds each."""
    words = tuple(
        Word(word, start + pace * index, start + pace * (index + 1), 0.9)
        for index, word in enumerate(text.split())
    )
    end = words[-1].end if words else start
    return Utterance(f"{speaker}-{number}", speaker, text, start, end, words, 0.9, "fr")


@st.composite
def utterances(draw: st.DrawFn, number: int) -> Utterance:
    """One utterance with words whose times may be as odd as an engine can make them."""
    start = draw(SECONDS)
    texts = draw(st.lists(SPEECH, min_size=1, max_size=40))
    words, at = [], start
    for text in texts:
        at += draw(st.floats(-0.5, 9))
        words.append(Word(text, at, at + draw(st.floats(0, 9)), 0.5))
    given = words if draw(st.booleans()) else []
    end = max(start, words[-1].end)
    speaker = draw(st.sampled_from(["technician", "agent", "x" * 64]))
    return Utterance(str(number), speaker, " ".join(texts), start, end, tuple(given), 0.5)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """A transcript of up to five utterances of up to three speakers."""
    transcript = Transcript("s")
    for number in range(draw(st.integers(0, 5))):
        transcript.add(draw(utterances(number)))
    return transcript


@st.composite
def talks(draw: st.DrawFn) -> Transcript:
    """A call as people make it: short turns, close together and over each other."""
    transcript, at = Transcript("s"), 0.0
    for number in range(draw(st.integers(1, 14))):
        at = max(0.0, at + draw(st.floats(-3, 2)))
        speaker = draw(st.sampled_from(["technician", "agent", "agent", "guest"]))
        text = " ".join(draw(st.lists(st.sampled_from(TALK), min_size=1, max_size=25)))
        said = utterance(speaker, at, text, pace=draw(st.floats(0.05, 0.6)), number=number)
        transcript.add(said)
        at = said.end
    return transcript


CALL = Transcript(
    "call-1",
    [
        utterance("technician", 0.5, "Bonjour, je suis devant l'armoire du client."),
        utterance(
            "agent", 3.0, "Très bien. Quel est l'état du voyant <DSL> & du voyant Internet ?"
        ),
        utterance("technician", 3605.25, "Rouge.", number=1),
    ],
)
