"""What a close frame says; ends of real connections are in test_frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picows import WSProtocolError

from callscribe.closing import LOST, NO_CODE, code_of


def test_a_close_without_a_code() -> None:
    assert code_of(b"") == NO_CODE


@given(st.integers(1, 4999).filter(lambda code: code != LOST), st.binary(max_size=123))
def test_the_code_stands_before_the_reason(code: int, reason: bytes) -> None:
    assert code_of(code.to_bytes(2, "big") + reason) == code


@pytest.mark.parametrize("code", [0, LOST, 5000, 65535])
def test_codes_that_no_frame_may_hold(code: int) -> None:
    with pytest.raises(WSProtocolError, match=f"{code} is no code"):
        code_of(code.to_bytes(2, "big"))
