"""The engines of a deployment, and what is said of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from callscribe.engines.whisper import WhisperTranscriptionService
from callscribe.engines.whisper.models import resolve_model
from callscribe.errors import CapacityError, ConfigurationError, ModelError
from callscribe.settings import Settings
from callscribe.web.backends import Backends
from tests.engines_for_tests import EnergyEngine
from tests.serving import AudioClient, serving
from tests.speech import MODELS

pytestmark = pytest.mark.anyio


class Loading(EnergyEngine):
    """An engine whose model comes when the test says so, or never."""

    def __init__(self, failure: ModelError | None = None) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.failure = failure

    async def start(self) -> None:
        await self.go.wait()
        if self.failure:
            raise self.failure


async def test_an_engine_is_there_when_its_model_is() -> None:
    engine = Loading()
    backends = Backends({"whisper": engine}, {"deepgram": "no key"})
    assert backends.status() == [
        ("whisper", False, "the model is being loaded"),
        ("deepgram", False, "no key"),
    ]
    with pytest.raises(CapacityError) as caught:
        await backends.ready("whisper", patience=0.01)
    assert caught.value.code == "model_loading"
    engine.go.set()
    await backends.load("whisper")
    await backends.ready("whisper")
    assert backends.status()[0] == ("whisper", True, "")
    assert backends.max_legs == 64


async def test_a_model_that_cannot_be_loaded_is_said_to_everybody() -> None:
    engine = Loading(ModelError("model.bin is incomplete"))
    engine.go.set()
    backends = Backends({"whisper": engine}, {})
    with capture_logs() as logs:
        await backends.load("whisper")
    assert logs[0]["problem"] == "model.bin is incomplete"
    assert backends.status() == [("whisper", False, "model.bin is incomplete")]
    with pytest.raises(ModelError):
        await backends.ready("whisper")


async def test_an_error_of_no_known_kind_is_the_engines_own() -> None:
    class Odd(EnergyEngine):
        async def start(self) -> None:
            raise KeyError("secret")

    told: list[tuple[str, str]] = []
    backends = Backends({"whisper": Odd()}, {})
    backends.tell = lambda name, why: told.append((name, why))
    with capture_logs() as logs:
        await backends.load("whisper")
    assert isinstance(logs[0]["exc_info"], KeyError)
    assert told == [("whisper", "whisper cannot be loaded; the log says why")]
    assert not backends.is_loading("whisper")
    with pytest.raises(ModelError, match="the log says why"):
        backends.check("whisper")


def model_without(folder: Path, name: str) -> Path:
    for path in resolve_model("base", MODELS).iterdir():
        if path.name != name:
            (folder / path.name).symlink_to(path.resolve())
    return folder


def without_model_bin(folder: Path) -> Callable[[], Path]:
    model_without(folder, "model.bin")
    return lambda: resolve_model(str(folder), folder.parent)


def with_a_wrong_tokenizer(folder: Path) -> Callable[[], Path]:
    (model_without(folder, "tokenizer.json") / "tokenizer.json").write_text('{"version": "1"}')
    return lambda: resolve_model(str(folder), folder.parent)


def odd(folder: Path) -> Callable[[], Path]:
    def locate() -> Path:
        raise KeyError(folder)

    return locate


@pytest.mark.parametrize(
    ("broken", "hint"),
    [
        (without_model_bin, "it lacks: model.bin"),
        (with_a_wrong_tokenizer, "tokenizer.json cannot be loaded"),
        (odd, "whisper cannot be loaded; the log says why"),
    ],
)
async def test_a_server_with_a_broken_model_says_so_and_goes_on(
    settings: Settings, tmp_path: Path, broken: Callable[[Path], Callable[[], Path]], hint: str
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    locate = broken(folder)

    def factory(name: str, _: Settings) -> WhisperTranscriptionService:
        if name != "whisper":
            raise ConfigurationError("no key")
        return WhisperTranscriptionService(locate, threads=1, max_legs=1)

    with serving(settings, factory) as served:
        async with httpx.AsyncClient(base_url=served.http) as http:
            for _ in range(2):
                # The first one waits until it is known that there is no model.
                client = await AudioClient.start(served, speaker="agent", sample_rate=16_000)
                code, reason = await client.closed()
                assert code == 1011
                assert hint in client.messages[-1]["message"], reason
                status = (await http.get("/api/status")).json()
                (whisper,) = [b for b in status["backends"] if b["name"] == "whisper"]
                assert not whisper["available"]
                assert not whisper["loading"]
                assert hint in whisper["reason"]
                refused = await http.post("/api/sessions")
                assert (refused.status_code, refused.json()["code"]) == (503, "bad_model")
                assert hint in refused.json()["message"]
                theirs = await http.post("/v1/listen", content=b"RIFF")
                assert theirs.status_code == 503
                assert hint in theirs.json()["err_msg"]
                assert (await http.get("/healthz")).json() == {"status": "ok"}
        assert served.context.service.sessions() == []


async def test_one_engine_that_does_not_close_does_not_keep_the_others() -> None:
    class Broken(EnergyEngine):
        async def close(self) -> None:
            raise OSError("stuck")

    well = EnergyEngine()
    with capture_logs() as logs:
        await Backends({"a": Broken(), "b": well}, {}).close()
    assert well.closed
    assert logs[0]["event"] == "engine_not_closed"
