"""A browser for the tests that drive one, and an application for those of sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from websockets.sync.client import connect

from tests.serving import Served
from tests.socket_serving import LOOPS, Echo, Site, site
from tests.speech import leg
from tests.web.browsing import Cable, cable_to, find_chromium, launch, microphone, write_wav
from tests.web.speaking import Join, Speaker

SPOKEN = 15.0
"""Seconds of the French agent that the microphone plays."""


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture(params=LOOPS)
def echoing(request: pytest.FixtureRequest, echo: Echo) -> Iterator[Site]:
    """An application on our sockets that echoes, on either kind of loop."""
    with site(echo, request.param) as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Ends with the module: while it runs, this thread can have no event loop of its own."""
    find_chromium()
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium whose microphone hears the French agent of the demo call."""
    rate, samples = leg("fr", "agent")
    sound: Path = tmp_path_factory.mktemp("microphone") / "agent.wav"
    write_wav(sound, rate, samples[: int(SPOKEN * rate)])
    browser = launch(playwright, *microphone(sound))
    yield browser
    browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a desktop; fails the test when a script on it fails."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert not faults


@pytest.fixture
def cable(served: Served) -> Iterator[Cable]:
    """The way to the server that hears tones."""
    with cable_to(served.port) as cable:
        yield cable


@pytest.fixture
def join(served: Served) -> Iterator[Join]:
    """Lets speakers come to calls."""
    with ExitStack() as sockets:

        def come(speaker: str, session_id: str = "") -> Speaker:
            socket = sockets.enter_context(connect(f"{served.ws}/ws/audio"))
            return Speaker(socket, speaker, session_id)

        yield come
