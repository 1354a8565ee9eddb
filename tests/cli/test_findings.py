"""Findings, and the sections of the documentation that they name."""

from __future__ import annotations

import pytest

from callscribe.cli.findings import Finding, Guide, State
from tests.documentation import ROOT, exists


@pytest.mark.parametrize("guide", [guide for guide in Guide if guide])
def test_every_section_that_is_named_is_there(guide: Guide) -> None:
    assert exists(ROOT / "README.md", guide.value)


def test_a_finding_as_json() -> None:
    finding = Finding("Route", State.BAD, "no way", guide=Guide.NO_CONNECTION)
    assert finding.to_dict() == {
        "name": "Route",
        "state": "bad",
        "detail": "no way",
        "advice": "",
        "guide": "docs/how-to/deepgram-troubleshooting.md#no-connection-found",
    }
