"""Sound files of any form, made with PyAV where a test needs them."""

from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray


def tones(channels: int = 1, *, rate: int = 16_000, seconds: float = 3.0) -> NDArray[np.int16]:
    """A different tone on every channel (300, 500, … Hz), shape (channels, samples)."""
    times = np.arange(round(rate * seconds)) / rate
    waves = [np.sin(2 * np.pi * (300 + 200 * index) * times) for index in range(channels)]
    return (8000 * np.stack(waves)).astype(np.int16)


def write(
    path: Path, sound: NDArray[np.int16], codec: str, rate: int, *, video: bool = False
) -> Path:
    """Encodes ``sound`` (channels, samples) into a file; ``video`` adds a small black film."""
    layout = "stereo" if len(sound) == 2 else "mono"
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=10) if video else None
        stream = container.add_stream(codec, rate=rate, layout=layout)
        context = stream.codec_context
        resampler = av.AudioResampler(context.format, layout, rate, context.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), "s16p", layout)
        frame.rate, frame.pts = rate, 0
        if film is not None:
            _draw(container, film, sound.shape[1] / rate)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return path


def _draw(container: OutputContainer, stream: VideoStream, seconds: float) -> None:
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    black = np.zeros((64, 64, 3), np.uint8)
    for _ in range(int(10 * seconds)):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(black, "rgb24")))
    container.mux(stream.encode(None))
