"""The doctor's report."""

import json
from pathlib import Path

from callscribe.settings import Settings
from tests.cli.running import run
from tests.ports import free_port
from tests.serving import serving


def test_all_is_well(tmp_path: Path) -> None:
    result = run("doctor", CALLSCRIBE_DATA_DIR=str(tmp_path), CALLSCRIBE_PORT=str(free_port()))
    assert result.exit_code == 0, result.output
    assert "✓ Model" in result.output
    assert "✗" not in result.output


def test_what_is_broken_gets_an_advice_and_a_status(tmp_path: Path) -> None:
    result = run(
        "doctor",
        CALLSCRIBE_DATA_DIR=str(tmp_path),
        CALLSCRIBE_PORT=str(free_port()),
        CALLSCRIBE_WHISPER_MODEL="owner/no-such-model",
        CALLSCRIBE_HOST="0.0.0.0",  # noqa: S104
    )
    assert result.exit_code == 1
    assert "✗ Model         Whisper owner/no-such-model is not on this machine" in result.output
    assert "→ python -m callscribe models fetch" in result.output
    assert "✗ Access        no keys: on 0.0.0.0 everybody" in result.output
    assert "→ set CALLSCRIBE_API_KEYS, or CALLSCRIBE_HOST=127.0.0.1" in result.output


def test_wrong_settings_are_a_finding(tmp_path: Path) -> None:
    result = run("doctor", CALLSCRIBE_DATA_DIR=str(tmp_path), CALLSCRIBE_PORT="x")
    assert result.exit_code == 1
    assert "✗ Settings      CALLSCRIBE_PORT" in result.output


def test_json_for_programs(tmp_path: Path) -> None:
    result = run(
        "doctor", "--json", CALLSCRIBE_DATA_DIR=str(tmp_path), CALLSCRIBE_PORT=str(free_port())
    )
    findings = {item["name"]: item for item in json.loads(result.output)}
    assert findings["Python"]["state"] == "good"
    assert set(findings["Deepgram"]) == {"name", "state", "detail", "advice", "guide"}


def test_a_key_is_tried_and_what_fails_names_the_section(tmp_path: Path) -> None:
    kept = Settings.model_validate({"data_dir": tmp_path / "server", "api_keys": "right"})
    around = {"CALLSCRIBE_DATA_DIR": str(tmp_path), "CALLSCRIBE_PORT": str(free_port())}
    with serving(kept) as served:
        around["DEEPGRAM_BASE_URL"] = served.ws
        good = run("doctor", "--json", DEEPGRAM_API_KEY="right", **around)
        bad = run("doctor", DEEPGRAM_API_KEY="wrong-one", **around)
    findings = {item["name"]: item["state"] for item in json.loads(good.output)}
    assert {findings[name] for name in ("Route", "Clock", "Deepgram", "Microphone")} == {"good"}
    assert bad.exit_code == 1
    assert "✗ Deepgram" in bad.output
    assert "→ docs/how-to/deepgram-troubleshooting.md#401-unauthorized" in bad.output
    assert "wrong-one" not in bad.output
