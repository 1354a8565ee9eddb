"""What ``callscribe doctor`` says of how much of Deepgram may be used at once, and is.

A server that runs here is asked for the latter. May import ``settings`` and the checks' own rooms.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from callscribe.cli.findings import Finding, Guide, State
from callscribe.cli.serve import page_address
from callscribe.settings import Settings


def check_limits(settings: Settings) -> Finding:
    """How many streams and requests there may be; a running server tells how many there are."""
    said = [
        _said(budget["name"], budget["most"], budget["used"], budget["waiting"])
        for budget in _budgets(settings)
    ] or [
        _said("streams", settings.deepgram_streams),
        _said("requests", settings.deepgram_requests),
    ]
    return Finding("Limits", State.GOOD, f"{', '.join(said)}", guide=Guide.LIMITS)


def _said(name: str, most: int, used: int | None = None, waiting: int = 0) -> str:
    limit = f"{most} {name} at once" if most else f"{name} without limit"
    queue = f" and {waiting} waiting" if waiting else ""
    return limit if used is None else f"{limit} ({used} in use{queue})"


def _budgets(settings: Settings) -> list[dict[str, Any]]:
    """Those of the Callscribe that runs at the address of the settings; nothing without one."""
    address = page_address(settings.host, settings.port, "/api/status")
    key = settings.api_keys[0].get_secret_value() if settings.api_keys else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - http, see there
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - the same
            return list(json.load(answer)["budgets"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
