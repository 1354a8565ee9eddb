"""Chromium with a microphone that plays a file, and a cable to the server that can be pulled."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""What Chromium may be called; the same as in the Makefile."""

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
)

RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing sends a reset, as a broken line does, and no farewell."""

PICTURES = os.environ.get("CALLSCRIBE_PICTURES")
"""Where to leave pictures of the pages for a person to look at; nowhere without it."""


def find_chromium() -> str:
    """Where Chromium is; skips the test where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("Chromium is not installed; `make browser` installs it")
    return found


def launch(playwright: Playwright, *arguments: str) -> Browser:
    return playwright.chromium.launch(
        executable_path=find_chromium(), args=[*ARGUMENTS, *arguments]
    )


def microphone(sound: Path) -> tuple[str, ...]:
    """Arguments for a microphone that plays a file once each time it is opened."""
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sound}%noloop",
    )


def write_wav(path: Path, rate: int, samples: NDArray[np.int16]) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def state(page: Page, name: str, seconds: float = 15) -> None:
    """Waits until the recorder or the call is in a state."""
    place = page.locator("#recording, #call")
    expect(place).to_have_attribute("data-state", name, timeout=seconds * 1000)


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def trouble(page: Page) -> Locator:
    return page.get_by_role("alert").filter(visible=True)


class Cable:
    """A TCP relay in front of a server: it can be cut, pulled out for a while, or go dead."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.plugged = True
        """While it is not, nobody gets through."""
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._dead: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def http(self) -> str:
        return f"http://localhost:{self.port}"

    def serve(self, port: int) -> None:
        """Leads to another server from now on."""
        self._upstream = port

    def cut(self) -> None:
        """Breaks all connections; new ones get through."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _reset(end)

    def pull(self) -> None:
        """Breaks all connections and takes no new ones."""
        self.plugged = False
        self.cut()

    def deaden(self) -> None:
        """All connections stay open, and nothing comes through any more; new ones work."""
        self._dead.update(end for pair in self._pairs for end in pair)

    def close(self) -> None:
        self.pull()
        # A thread that waits in accept() is not woken by close() alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.plugged:
                _reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._upstream))
            except OSError:  # the server is being started again
                _reset(near)
                continue
            self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                thread = threading.Thread(target=self._relay, args=(source, sink))
                self._threads.append(thread)
                thread.start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source not in self._dead:
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        # Wakes the thread that reads here; closing alone would leave it waiting.
        end.shutdown(socket.SHUT_RD)
        end.close()


@contextmanager
def cable_to(port: int) -> Iterator[Cable]:
    cable = Cable(port)
    try:
        yield cable
    finally:
        cable.close()
