"""Which engines listen, by configuration."""

from __future__ import annotations

import pytest

from callscribe.engines.rehearing import RehearingEngine
from callscribe.engines.resilient import ResilientEngine
from callscribe.ladder import Ladders, hearers, ladder, repairers
from callscribe.settings import TranscriptionConfig
from tests.engines_for_tests import Clips, EnergyEngine

ENGINES = {"deepgram": EnergyEngine(name="deepgram"), "whisper": EnergyEngine()}


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, ["deepgram", "deepgram_rest", "whisper"]),
        ({"deepgram_use_streaming": False}, ["deepgram_rest", "whisper"]),
        ({"transcription_fallback": ["whisper"]}, ["deepgram", "whisper"]),
        ({"transcription_fallback": []}, ["deepgram"]),
        ({"transcription_backend": "whisper"}, ["whisper"]),
    ],
)
def test_engines_in_their_order(config: dict[str, object], names: list[str]) -> None:
    rungs = ladder(TranscriptionConfig.model_validate(config), ENGINES)
    assert [rung.name for rung in rungs] == names
    assert [rung.streaming for rung in rungs] == [name != "deepgram_rest" for name in names]


def test_what_is_kept_goes_to_deepgram_at_the_pace_it_documents() -> None:
    first, _, last = ladder(TranscriptionConfig(), ENGINES)
    assert (first.pace, last.pace) == (1.25, float("inf"))


def test_engines_that_are_not_there_are_left_out() -> None:
    only = {"whisper": ENGINES["whisper"]}
    config = TranscriptionConfig(transcription_backend="whisper")
    assert [rung.engine for rung in ladder(config, only)] == [ENGINES["whisper"]]
    few = ladder(TranscriptionConfig(), {"deepgram": ENGINES["deepgram"]})
    assert [rung.name for rung in few] == ["deepgram", "deepgram_rest"]


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, ["deepgram_rest", "whisper"]),
        ({"deepgram_use_streaming": False}, ["deepgram_rest", "whisper"]),
        ({"transcription_fallback": ["whisper", "deepgram_rest"]}, ["deepgram_rest", "whisper"]),
        ({"transcription_fallback": ["whisper"]}, ["whisper"]),
        ({"transcription_fallback": []}, []),
        ({"transcription_backend": "whisper"}, []),
    ],
)
def test_who_repairs_gaps(config: dict[str, object], names: list[str]) -> None:
    rungs = ladder(TranscriptionConfig.model_validate(config), ENGINES)
    assert [rung.name for rung in repairers(rungs)] == names


def test_where_this_machine_alone_is_asked_its_engine_listens_itself() -> None:
    config = TranscriptionConfig(transcription_backend="whisper")
    assert Ladders(ENGINES).choose(config) == (ENGINES["whisper"], None)
    cloud, instead_of = Ladders(ENGINES).choose(TranscriptionConfig(transcription_fallback=()))
    assert isinstance(cloud, ResilientEngine)
    assert instead_of is None


def test_what_is_not_there_is_stood_in_for() -> None:
    here = Ladders({"whisper": ENGINES["whisper"]})
    assert here.choose(TranscriptionConfig()) == (ENGINES["whisper"], "deepgram")


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, ["deepgram_rest", "whisper"]),
        ({"transcription_fallback": ["whisper"]}, ["whisper"]),
        ({"transcription_fallback": []}, []),
        ({"transcription_backend": "whisper"}, ["whisper"]),  # nothing goes to a cloud
    ],
)
def test_who_hears_unsure_finals_again(config: dict[str, object], names: list[str]) -> None:
    engines = {"deepgram": Clips(name="deepgram"), "whisper": Clips()}
    wanted = TranscriptionConfig.model_validate(config)
    rungs = ladder(wanted, engines)
    assert [hearer.name for hearer in hearers(rungs)] == names
    assert hearers(ladder(wanted, ENGINES)) == []
    engine, _ = Ladders(engines).choose(wanted)
    assert isinstance(engine, RehearingEngine) is bool(names)


def test_nothing_is_heard_again_where_that_is_switched_off() -> None:
    config = TranscriptionConfig(transcription_backend="whisper", unsure_below={"*": 0.0})
    whisper = Clips()
    engine, _ = Ladders({"whisper": whisper}).choose(config)
    assert engine is whisper
