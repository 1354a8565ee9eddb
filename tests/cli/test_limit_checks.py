"""What the doctor says of the limits, without a server and of one that runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from callscribe.cli.findings import State
from callscribe.cli.limit_checks import check_limits
from callscribe.engines import create_engine
from callscribe.engines.base import TranscriptionEngine
from callscribe.settings import Settings
from tests.engines_for_tests import energy_factory
from tests.serving import AudioClient, Served, serving

pytestmark = pytest.mark.anyio

KEY = "key-of-the-house"


def test_without_a_server_the_settings_are_told() -> None:
    found = check_limits(Settings(port=9, deepgram_streams=0, deepgram_requests=7))
    assert found.state is State.GOOD
    assert found.detail == "streams without limit, 7 requests at once"


async def test_a_running_server_is_asked(served: Served, tmp_path: Path) -> None:
    def deepgram(name: str, settings: Settings) -> TranscriptionEngine:
        return (create_engine if name == "deepgram" else energy_factory)(name, settings)

    mine = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "DEEPGRAM_API_KEY": "any",
            "DEEPGRAM_BASE_URL": served.ws,
            "deepgram_streams": 3,
        }
    )
    with serving(mine, deepgram) as here:
        client = await AudioClient.start(here, speaker="agent", sample_rate=16_000)
        asked = mine.model_copy(update={"port": here.port})
        detail = (await asyncio.to_thread(check_limits, asked)).detail
        assert detail == "3 streams at once (1 in use), 50 requests at once (0 in use)"
        await client.hang_up()
