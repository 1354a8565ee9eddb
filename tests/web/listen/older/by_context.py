"""The official SDK of the fifth and sixth major version; run in an environment of its own.

Its one argument is a job in JSON; what came back goes out as JSON too.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from deepgram import DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

FRAME = 3200  # a tenth of a second
PATIENCE = 30.0


def stream(client: DeepgramClient, options: dict[str, Any], samples: bytes) -> dict[str, Any]:
    """Streams the samples, and reads on to the server's close."""
    messages: list[Any] = []
    errors: list[str] = []
    with client.listen.v1.connect(**options) as socket:
        socket.on(EventType.MESSAGE, messages.append)
        socket.on(EventType.ERROR, lambda error: errors.append(repr(error)))
        listening = threading.Thread(target=socket.start_listening)
        listening.start()
        for at in range(0, len(samples), FRAME):
            socket.send_media(samples[at : at + FRAME])
            time.sleep(0.005)
        if hasattr(socket, "send_close_stream"):
            socket.send_close_stream()
        else:
            from deepgram.extensions.types.sockets import ListenV1ControlMessage

            socket.send_control(ListenV1ControlMessage(type="CloseStream"))
        listening.join(PATIENCE)
        code = socket._websocket.close_code
    return {
        "messages": [json.loads(message.json()) for message in messages],
        "errors": errors,
        "code": code,
    }


def refusal(client: DeepgramClient, options: dict[str, Any]) -> int | None:
    """The status with which a stream is refused."""
    try:
        with client.listen.v1.connect(**options):
            return None
    except Exception as error:  # noqa: BLE001 - whatever this version makes of it
        answer: Any = error if hasattr(error, "status_code") else error.response  # type: ignore[attr-defined]
        return int(answer.status_code)


def client_of(job: dict[str, Any], key: str) -> DeepgramClient:
    environment = DeepgramClientEnvironment(base=job["http"], production=job["ws"], agent=job["ws"])
    return DeepgramClient(api_key=key, environment=environment)


def main() -> None:
    job = json.loads(sys.argv[1])
    client = client_of(job, job["key"])
    recording = Path(job["wav"]).read_bytes()
    found = client.listen.v1.media.transcribe_file(request=recording, **job["recording"])
    answer = {
        "live": stream(client, job["live"], recording[44:]),
        "recording": json.loads(found.json()),
        "refused": refusal(client_of(job, "wrong"), job["live"]),
    }
    sys.stdout.write(json.dumps(answer))


main()
