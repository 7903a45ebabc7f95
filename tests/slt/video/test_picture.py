"""Whether a PNG file is whole."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slt.video.picture import png_fault

PNG = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (26, 21, 3), np.uint8))[1].tobytes()
SIGNATURE = 8  # bytes; without them it is another kind of file


@given(st.integers(SIGNATURE, len(PNG) - 1))
def test_no_beginning_of_a_png_is_whole(length: int) -> None:
    assert png_fault(PNG) is None and png_fault(PNG[:length]) is not None


@given(st.integers(SIGNATURE, len(PNG) - 1), st.integers(1, 255))
def test_no_changed_byte_of_a_png_goes_unnoticed(place: int, change: int) -> None:
    damaged = bytearray(PNG)
    damaged[place] ^= change
    assert png_fault(bytes(damaged)) is not None


def test_other_kinds_are_no_matter_of_it() -> None:
    assert png_fault(b"") is png_fault(b"GIF89a") is png_fault(PNG[:5]) is None
