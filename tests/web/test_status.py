"""What the server says of itself."""

from __future__ import annotations

import httpx

from callscribe import __version__
from tests.serving import Served


def test_status(served: Served) -> None:
    status = httpx.get(served.http + "/api/status").json()
    assert list(status) == [
        "version",
        "backends",
        "languages",
        "legs",
        "max_legs",
        "auth_required",
        "model",
        "budgets",
    ]
    assert status["version"] == __version__
    assert status["auth_required"] is False
    assert (status["legs"], status["max_legs"]) == (0, 64)
    assert status["model"] == "base"
    assert status["budgets"] == []
    backends = {backend["name"]: backend for backend in status["backends"]}
    expected = {"name": "whisper", "available": True, "reason": "", "loading": False}
    assert backends["whisper"] == expected
    assert backends["deepgram"]["available"] is False
    assert "DEEPGRAM_API_KEY" in backends["deepgram"]["reason"]
    assert [language["code"] for language in status["languages"]][:2] == ["fr", "en"]
    assert set(status["languages"][0]) == {"code", "name", "native", "flag"}


def test_health(served: Served) -> None:
    assert httpx.get(served.http + "/healthz").json() == {"status": "ok"}
