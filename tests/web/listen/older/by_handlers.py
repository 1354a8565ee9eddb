"""The official SDK of the fourth major version; run in an environment of its own.

Its one argument is a job in JSON; what came back goes out as JSON too.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from deepgram import (
    DeepgramClient,
    DeepgramClientOptions,
    LiveOptions,
    LiveTranscriptionEvents,
    PrerecordedOptions,
)

FRAME = 3200  # a tenth of a second
PATIENCE = 30.0
MESSAGES = (
    LiveTranscriptionEvents.Transcript,
    LiveTranscriptionEvents.Metadata,
    LiveTranscriptionEvents.SpeechStarted,
    LiveTranscriptionEvents.UtteranceEnd,
    LiveTranscriptionEvents.Unhandled,
)


def stream(client: DeepgramClient, options: dict[str, Any], samples: bytes) -> dict[str, Any]:
    """Streams the samples; this version closes half a second after it was asked to finish."""
    messages: list[dict[str, Any]] = []
    errors: list[str] = []
    flushed = threading.Event()

    def tell(_client: Any, **event: Any) -> None:
        message = json.loads(next(iter(event.values())).to_json())
        messages.append(message)
        if message.get("from_finalize"):
            flushed.set()

    socket = client.listen.websocket.v("1")
    for kind in MESSAGES:
        socket.on(kind, tell)
    socket.on(LiveTranscriptionEvents.Error, lambda _, error, **__: errors.append(repr(error)))
    if not socket.start(LiveOptions(**options)):
        raise SystemExit("the stream was refused")
    for at in range(0, len(samples), FRAME):
        socket.send(samples[at : at + FRAME])
        time.sleep(0.005)
    socket.keep_alive()
    socket.finalize()
    flushed.wait(PATIENCE)
    socket.finish()
    return {"messages": messages, "errors": errors}


def client_of(job: dict[str, Any], key: str, **more: Any) -> DeepgramClient:
    return DeepgramClient(key, DeepgramClientOptions(url=job["http"], options=more))


def refusal(client: DeepgramClient, options: dict[str, Any]) -> int | None:
    """The status with which a stream is refused."""
    try:
        client.listen.websocket.v("1").start(LiveOptions(**options))
    except Exception as error:  # noqa: BLE001 - whatever this version makes of it
        answer: Any = error
        return int(answer.response.status_code)
    return None


def main() -> None:
    job = json.loads(sys.argv[1])
    client = client_of(job, job["key"])
    recording = Path(job["wav"]).read_bytes()
    found = client.listen.rest.v("1").transcribe_file(
        {"buffer": recording}, PrerecordedOptions(**job["recording"])
    )
    stranger = client_of(job, "wrong", termination_exception_connect=True)
    answer = {
        "live": stream(client, job["live"], recording[44:]),
        "recording": json.loads(found.to_json()),
        "refused": refusal(stranger, job["live"]),
    }
    sys.stdout.write(json.dumps(answer))


main()
