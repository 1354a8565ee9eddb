"""pipecat as a gateway: Twilio's serializer, Deepgram's service, results back on the leg's socket.

    python pipecat_gateway.py PORT ws://127.0.0.1:SINK

Turn tracking and the like are off: it does here what it must to write a call down.
"""

from __future__ import annotations

import json
import sys

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    StartFrame,
    TranscriptionFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

RATE = 8_000

app = FastAPI()


class Teller(FrameProcessor):
    """The end of a pipeline: what was heard goes out."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__()
        self._socket = socket

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Tells a result; ``ready`` when the pipeline has started, its upstream included."""
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            await self._socket.send_text('{"event":"ready"}')
        elif isinstance(frame, (InterimTranscriptionFrame, TranscriptionFrame)):
            final = isinstance(frame, TranscriptionFrame)
            told = {"event": "transcript", "final": final, "text": frame.text}
            await self._socket.send_text(json.dumps(told))
        await self.push_frame(frame, direction)


@app.websocket("/media")
async def media(socket: WebSocket) -> None:
    """One leg, which has a pipeline of its own."""
    await socket.accept()
    await socket.receive_text()  # connected
    start = json.loads(await socket.receive_text())["start"]
    serializer = TwilioFrameSerializer(
        start["streamSid"],
        start["callSid"],
        params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
    )
    params = FastAPIWebsocketParams(
        audio_in_enabled=True, audio_out_enabled=False, serializer=serializer
    )
    transport = FastAPIWebsocketTransport(socket, params)
    hearing = DeepgramSTTService(api_key="key", base_url=sys.argv[2], audio_passthrough=False)
    worker = PipelineWorker(
        Pipeline([transport.input(), hearing, Teller(socket)]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        enable_rtvi=False,
        enable_turn_tracking=False,
    )

    @transport.event_handler("on_client_disconnected")
    async def gone(*_: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    logger.remove()  # it logs at DEBUG otherwise, which costs CPU
    logger.add(sys.stderr, level="WARNING")
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", ws_per_message_deflate=False)
