"""The engines of a deployment, and what is said of them."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from callscribe.errors import CapacityError, ModelError
from callscribe.web.backends import Backends
from tests.engines_for_tests import EnergyEngine

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


async def test_one_engine_that_does_not_close_does_not_keep_the_others() -> None:
    class Broken(EnergyEngine):
        async def close(self) -> None:
            raise OSError("stuck")

    well = EnergyEngine()
    with capture_logs() as logs:
        await Backends({"a": Broken(), "b": well}, {}).close()
    assert well.closed
    assert logs[0]["event"] == "engine_not_closed"
