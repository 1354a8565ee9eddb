"""The engine around an engine: what it says of itself, and real speech heard again."""

from __future__ import annotations

import pytest

from callscribe.engines.base import Audience, EngineEvent, Reheard, TranscriptionEngine
from callscribe.engines.rehearing import Hearer, RehearingEngine
from callscribe.engines.resilient import ResilientEngine, Rung
from callscribe.engines.telling import EngineTeller
from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.errors import CapacityError
from callscribe.transcript import Result
from callscribe.wer import word_errors
from tests import speech
from tests.engines_for_tests import EnergyEngine

pytestmark = pytest.mark.anyio


def test_it_speaks_for_the_engine_that_listens() -> None:
    inner = EnergyEngine(name="deepgram")
    engine = RehearingEngine(inner, [], {"*": 0.8})
    assert isinstance(engine, TranscriptionEngine)
    assert engine.name == "deepgram"
    assert engine.capabilities == inner.capabilities
    assert engine.max_legs == getattr(inner, "max_legs", 0)
    assert engine.model == getattr(inner, "model", "")


async def test_what_the_engine_refuses_is_refused() -> None:
    class Full(EnergyEngine):
        async def transcribe_streaming(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise CapacityError("full")

    engine = RehearingEngine(Full(), [], {"*": 0.8})
    with pytest.raises(CapacityError):
        await engine.transcribe_streaming("s", "fr", 16_000, lambda _: None)


async def test_real_speech_is_heard_again_by_real_whisper() -> None:
    rate, samples = speech.leg("fr", "technician")
    service = WhisperTranscriptionService(lambda: resolve_model("base", speech.MODELS), max_legs=2)
    # Everything is heard again: what comes back must be the same place, and no worse.
    engine = RehearingEngine(service, [Hearer(service, "whisper")], {"*": 1.0})
    events: list[EngineEvent] = []
    leg = await engine.transcribe_streaming("s", "fr", rate, events.append)
    await leg.send_audio(samples[: 40 * rate].tobytes())
    await leg.close()
    await service.close()
    finals = [e for e in events if isinstance(e, Result) and e.is_final and e.text]
    again = [e for e in events if isinstance(e, Reheard)]
    assert finals
    assert again
    said = " ".join(s.text for s in speech.script("fr") if s.speaker == "technician" and s.end < 40)
    places = {(final.start, final.end): final.text for final in finals}
    before = word_errors(said, " ".join(places.values()))
    for one in again:
        assert (one.start, one.end) in places
        assert abs(one.result.start - one.start) < 0.6
        assert abs(one.result.end - one.end) < 0.6
        places[one.start, one.end] = one.result.text
    after = word_errors(said, " ".join(places.values()))
    # Here even what is sure is heard again; words in wrong places would cost far more.
    assert after.rate <= before.rate + 0.15


async def test_an_interim_is_shown_through_all_layers_and_a_final_is_heard() -> None:
    inner = EnergyEngine()
    engine = RehearingEngine(ResilientEngine([Rung(inner, inner.name)]), [], {"*": 0.8})
    heard: list[EngineEvent] = []
    shown: list[EngineEvent] = []
    leg = await engine.transcribe_streaming("s", "fr", 16_000, Audience(heard.append, shown.append))
    await leg.send_audio(bytes(32_000))
    told = EngineTeller(inner.connections[0]._callback, "s")
    interim, final = Result("oui", 0.0, 0.5, is_final=False), Result("oui", 0.0, 0.5, is_final=True)
    told.put(interim)
    told.put(final)
    assert shown == [interim]
    assert heard == [final]
    await leg.close()
