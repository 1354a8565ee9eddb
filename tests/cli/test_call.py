"""Files that ring at a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from callscribe.cli.call import Voice, legs, read_voices, tracks
from callscribe.errors import CallscribeError
from callscribe.settings import Settings
from tests import killable
from tests.cli.running import at_work, command, run
from tests.engines_for_tests import tones
from tests.media_files import write
from tests.serving import Served, serving

AUTH_TOKEN = "of-the-test"  # noqa: S105 - of nobody


@pytest.fixture
def exchange(settings: Settings) -> Iterator[Served]:
    given = {**settings.model_dump(), "twilio_auth_token": AUTH_TOKEN}
    with serving(Settings.model_validate(given)) as served:
        yield served


def wav(folder: Path, name: str, *channels: int) -> Path:
    """A file with a tone on each channel."""
    sound = [np.frombuffer(tones(tone), "<i2") for tone in channels]
    write(folder / name, np.stack(sound), "pcm_s16le", 16_000)
    return folder / name


def ring(served: Served, *arguments: object, token: str = AUTH_TOKEN) -> tuple[int, str, str]:
    given = ["call", "--speed", "4", "--server", served.http, *map(str, arguments)]
    done = run(*given, CALLSCRIBE_TWILIO_AUTH_TOKEN=token)
    return done.exit_code, done.stdout, done.stderr


def test_two_files_are_the_two_sides_of_a_telephone_call(exchange: Served, tmp_path: Path) -> None:
    code, out, err = ring(exchange, wav(tmp_path, "a.wav", 440), wav(tmp_path, "b.wav", 660))
    assert code == 0, err
    assert "technician  f440" in out
    assert "agent       f660" in out or "agent  f660" in out
    assert f"{exchange.http}/calls/twilio-CA" in err
    (session,) = exchange.context.service.sessions()
    assert [leg.encoding for leg in session.legs.all] == ["mulaw", "mulaw"]


def test_a_stereo_file_gives_both_sides(exchange: Served, tmp_path: Path) -> None:
    code, out, err = ring(exchange, wav(tmp_path, "both.wav", 440, 660), "--lang", "en")
    assert code == 0, err
    assert "f440" in out
    assert "f660" in out
    (session,) = exchange.context.service.sessions()
    assert {leg.language for leg in session.legs.all} == {"en"}


def test_as_browsers_there_may_be_more(served: Served, tmp_path: Path) -> None:
    files = [wav(tmp_path, f"{tone}.wav", tone) for tone in (440, 660, 880)]
    code, out, err = ring(served, *files, "--as", "browser", "--speakers", "ann,bob", token="")
    assert code == 0, err
    assert [name in out for name in ("ann", "bob", "speaker-3")] == [True] * 3
    (session,) = served.context.service.sessions()
    assert [leg.sample_rate for leg in session.legs.all] == [16_000] * 3


def test_what_goes_wrong_is_said(exchange: Served, served: Served, tmp_path: Path) -> None:
    file = wav(tmp_path, "a.wav", 440)
    assert "not signed by Twilio" in ring(exchange, file, token=AUTH_TOKEN + "!")[2]
    assert "AUTH_TOKEN is not set" in ring(exchange, file, token="")[2]
    assert "set CALLSCRIBE_TWILIO_AUTH_TOKEN" in ring(served, file)[2]
    assert "two sides, not 3" in ring(exchange, file, file, file)[2]
    assert "there is no file" in ring(exchange, tmp_path / "none.wav")[2]
    assert "unknown language" in run("call", str(file), "--lang", "xx").stderr, "without a server"
    assert "no address of a server" in run("call", str(file), "--server", "here").stderr
    gone = run("call", str(file), "--server", "http://127.0.0.1:9", "--as", "browser")
    assert gone.exit_code == 1
    assert "there is no server at http://127.0.0.1:9" in gone.stderr
    silence = tmp_path / "silence.wav"
    write(silence, np.zeros((1, 8000), np.int16), "pcm_s16le", 8000)
    code, _, err = ring(exchange, silence)
    assert (code, "no word of it" in err) == (1, True)


@pytest.mark.parametrize("way", ["twilio", "browser"])
def test_a_server_that_dies_is_said_in_words(way: str, tmp_path: Path) -> None:
    file = tmp_path / "long.wav"
    sound = np.frombuffer(tones(*[440] * 12), "<i2")
    write(file, sound[None], "pcm_s16le", 16_000)
    server = killable.start(tmp_path / "data", tones=True, auth_token=AUTH_TOKEN)
    start = command("call", str(file), "--as", way, "--server", server.http, "--wait", "1")
    try:
        with at_work(start, tmp_path, CALLSCRIBE_TWILIO_AUTH_TOKEN=AUTH_TOKEN) as calling:
            assert calling.stdout is not None
            assert any("f440" in line for line in calling.stdout)
            server.kill()
            _, err = calling.communicate(timeout=30)
    finally:
        server.kill()
    assert calling.returncode == 1
    assert "Traceback" not in err
    assert "the server did not come back within 1 s" in err.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["twilio", "browser"])
def test_a_server_that_dies_and_comes_back_hears_the_rest(way: str, tmp_path: Path) -> None:
    file = tmp_path / "long.wav"
    first, later = [*range(400, 560, 20)], [*range(800, 1120, 20)]
    write(file, np.frombuffer(tones(*first, *later), "<i2")[None], "pcm_s16le", 16_000)
    data = tmp_path / "data"
    server = killable.start(data, tones=True, auth_token=AUTH_TOKEN)
    start = command("call", str(file), "--as", way, "--server", server.http)
    try:
        with at_work(start, tmp_path, CALLSCRIBE_TWILIO_AUTH_TOKEN=AUTH_TOKEN) as calling:
            assert calling.stdout is not None
            shown = [next(line for line in calling.stdout if "f400" in line)]
            server.kill()
            server = killable.start(data, tones=True, auth_token=AUTH_TOKEN, port=server.port)
            out, err = calling.communicate(timeout=50)
        calls = httpx.get(f"{server.http}/api/sessions").json()["sessions"]
        kept = httpx.get(f"{server.http}/api/sessions/{calls[0]['session_id']}").json()
    finally:
        server.kill()
    assert calling.returncode == 0, err
    said = [u["text"] for u in kept["transcript"]["utterances"]]
    assert len(calls) == 1
    assert said[0] == "f400"
    assert said[-1] == "f1100"
    assert [tone for tone in later if f"f{tone}" in out]
    assert out.count("The server went away") == out.count("The server is back") == 1
    assert {gap["reason"] for gap in kept["gaps"]} <= {"server_died", "server_restarted"}
    if way == "browser":  # what was not written down is sent again, and nothing else
        assert said == [f"f{tone}" for tone in (*first, *later)]
        assert kept["gaps"] == []
        assert kept["coverage_percent"] == 100.0
    assert "f400" in shown[0]


@pytest.mark.parametrize("way", ["twilio", "browser"])
def test_a_call_that_is_deleted_meanwhile_is_said(
    way: str, exchange: Served, tmp_path: Path
) -> None:
    file = tmp_path / "long.wav"
    write(file, np.frombuffer(tones(*[440] * 20), "<i2")[None], "pcm_s16le", 16_000)
    start = command("call", str(file), "--as", way, "--server", exchange.http)
    with at_work(start, tmp_path, CALLSCRIBE_TWILIO_AUTH_TOKEN=AUTH_TOKEN) as calling:
        assert calling.stdout is not None
        assert any("f440" in line for line in calling.stdout)
        (session,) = exchange.context.service.sessions()
        address = f"{exchange.http}/api/sessions/{session.session_id}"
        assert httpx.delete(address, timeout=20).status_code == 204
        _, err = calling.communicate(timeout=30)
    assert calling.returncode == 1
    assert "this call was deleted" in err.splitlines()[-1]


def test_a_file_that_is_twice_the_same_is_one_side(tmp_path: Path) -> None:
    (voice,) = read_voices(wav(tmp_path, "twice.wav", 440, 440), 8000)
    assert voice.seconds == pytest.approx(0.9, abs=0.01)


def test_names_for_browsers() -> None:
    voices = [Voice(np.zeros(8, np.int16), 8000)] * 3
    assert list(legs(voices, ["a", " b"])) == ["a", "b", "speaker-3"]
    assert list(legs(voices[:1], ["a", "b"])) == ["a"]
    for names in (["a", "a"], ["", "b"], ["two words"]):
        with pytest.raises(CallscribeError, match="name"):
            legs(voices, names)
    assert list(tracks(voices[:2])) == ["inbound", "outbound"]
