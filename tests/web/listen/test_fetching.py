"""Recordings by their address, from a real host: what is allowed, and what leads astray."""

from __future__ import annotations

import httpx
import pytest

from callscribe.errors import ConfigurationError
from callscribe.web.listen.fetching import MOST_REDIRECTS, fetched
from callscribe.wire.deepgram_rest import parse_recording
from tests import speech
from tests.serving import Served
from tests.web.listen.conftest import KEY, Shelf, spoken

pytestmark = pytest.mark.anyio


async def _fetch(address: str, *hosts: str) -> bytes:
    return b"".join([piece async for piece in fetched(address, hosts)])


async def test_an_allowed_host_gives_the_whole_file(shelf: Shelf) -> None:
    (shelf.folder / "long").write_bytes(bytes(range(256)) * 1000)
    assert await _fetch(f"http://{shelf.host}/long", shelf.host) == bytes(range(256)) * 1000
    assert len(await _fetch(f"http://{shelf.host}/away?/long", shelf.host)) == 256_000


@pytest.mark.parametrize(
    ("address", "hosts", "hint"),
    [
        ("http://HOST/x", (), "CALLSCRIBE_LISTEN_HOSTS"),
        ("http://HOST/x", ("elsewhere.example",), "may not fetch from 127.0.0.1"),
        ("http://HOST/away?http://elsewhere.example/x", ("HOST",), "from elsewhere.example"),
        ("http://HOST@elsewhere.example/x", ("HOST",), "from elsewhere.example"),
        ("file:///etc/passwd", ("HOST",), "http or https"),
        ("http://[", ("HOST",), "may not fetch"),
        ("None", ("HOST",), "http or https"),
    ],
)
async def test_what_is_not_allowed(
    shelf: Shelf, address: str, hosts: tuple[str, ...], hint: str
) -> None:
    allowed = [host.replace("HOST", shelf.host) for host in hosts]
    with pytest.raises(ConfigurationError, match=hint) as caught:
        await _fetch(address.replace("HOST", shelf.host), *allowed)
    assert caught.value.code == "invalid_query"


async def test_a_recording_that_is_too_long_is_not_fetched_to_its_end(shelf: Shelf) -> None:
    (shelf.folder / "endless").write_bytes(bytes(300_000))
    with pytest.raises(ConfigurationError, match="more than 100000 bytes") as caught:
        async for _ in fetched(f"http://{shelf.host}/endless", [shelf.host], 100_000):
            pass
    assert caught.value.code == "too_big"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("nowhere", "answered 404"),
        ("away?/away?/away?/away?/away?/away?/", f"redirected {MOST_REDIRECTS} times"),
    ],
)
async def test_a_host_that_does_not_give_it(shelf: Shelf, path: str, hint: str) -> None:
    (shelf.folder / "away").mkdir(exist_ok=True)
    with pytest.raises(ConfigurationError, match=hint) as caught:
        await _fetch(f"http://{shelf.host}/{path}", shelf.host)
    assert caught.value.code == "remote_content"


async def test_a_host_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match="ConnectError") as caught:
        await _fetch("http://127.0.0.1:9/x", "127.0.0.1:9")
    assert caught.value.code == "remote_content"


async def test_a_recording_by_its_address(
    listening: Served, shelf: Shelf, recording: bytes
) -> None:
    (shelf.folder / "call.wav").write_bytes(recording)
    async with httpx.AsyncClient(timeout=60) as http:

        async def ask(name: str) -> httpx.Response:
            return await http.post(
                f"{listening.http}/v1/listen",
                params={"language": "fr", "multichannel": "true"},
                json={"url": f"http://{shelf.host}/{name}"},
                headers={"Authorization": f"Token {KEY}"},
            )

        answer, missing = await ask("call.wav"), await ask("other.wav")
    assert answer.status_code == 200
    text = parse_recording(answer.content).results.channels[0].alternatives[0].transcript
    assert speech.recall(spoken("agent"), text) > 0.6
    assert missing.status_code == 400
    assert missing.json()["err_code"] == "REMOTE_CONTENT_ERROR"
