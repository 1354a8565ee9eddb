"""Audio that may have to be heard again, in memory and on disk."""

from __future__ import annotations

import asyncio
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.engines.resilient.tape import Tape

RATE = 100


def piece(start: int, samples: int, width: int) -> bytes:
    """Samples that say which they are."""
    return b"".join((start + n).to_bytes(4, "little")[:width] for n in range(samples))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([1, 2]))
def test_it_gives_back_what_it_was_given(data: st.DataObject, width: int) -> None:
    with closing(Tape(RATE, width, memory=2, most=20)) as tape:
        use(data, tape, width)


def use(data: st.DataObject, tape: Tape, width: int) -> None:
    everything = b""
    for _ in range(data.draw(st.integers(1, 30))):
        samples = data.draw(st.integers(1, 150))
        everything += piece(tape.end, samples, width)
        tape.append(piece(tape.end, samples, width))
        if data.draw(st.booleans()):
            asyncio.run(tape.spill())
        if data.draw(st.integers(0, 4)) == 0:
            tape.forget(data.draw(st.integers(0, tape.end)))
        assert tape.end * width == len(everything)
        assert tape.end - tape.first <= 20 * RATE
        start = data.draw(st.integers(tape.first, tape.end))
        end = data.draw(st.integers(start, tape.end))
        assert tape.read(start, end) == everything[start * width : end * width]
    assert tape.read(0, tape.end) == everything[tape.first * width :]


def test_memory_is_bounded_however_long_nobody_listens() -> None:
    tape = Tape(RATE, 2, memory=2, most=1000)
    for _ in range(500):
        tape.append(piece(tape.end, 20, 2))
        if tape.is_heavy:
            asyncio.run(tape.spill())
        held = sum(len(audio) for _, audio in tape._pieces)
        assert held <= (2 * RATE + 20) * 2
    assert tape.read(0, 40) == piece(0, 40, 2)
    tape.forget(tape.end)
    assert tape._file is None, "an empty file takes no room"
    assert tape.first == tape.end
    tape.close()


async def letting_go_meanwhile() -> None:
    with closing(Tape(RATE, 2, memory=2, most=1000)) as tape:
        for _ in range(30):
            tape.append(piece(tape.end, 20, 2))
        spilling = asyncio.create_task(tape.spill())
        await asyncio.sleep(0)
        tape.append(piece(tape.end, 20, 2))
        tape.forget(300)
        await spilling
        assert tape.read(300, tape.end) == piece(300, 320, 2)
        tape.forget(tape.end)
        assert tape.read(0, tape.end) == b""


def test_audio_may_come_and_go_while_it_is_written() -> None:
    asyncio.run(letting_go_meanwhile())
