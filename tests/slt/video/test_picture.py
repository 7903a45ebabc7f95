"""Whether a PNG file is whole; the colours of HDR."""

from pathlib import Path

import av
import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slt.video import open_video
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


def test_hdr_by_pq_looks_as_it_does_in_sdr(tmp_path: Path) -> None:
    """Greys of known light, coded by ST 2084 as its text has it."""
    grey = np.linspace(0, 255, 16).round()
    light = np.where(grey / 255 <= 0.04045, grey / 255 / 12.92, ((grey / 255 + 0.055) / 1.055) ** 2.4) * 203 / 10000
    power = light ** (2610 / 16384)
    coded = ((3424 / 4096 + 2413 / 4096 * 32 * power) / (1 + 2392 / 4096 * 32 * power)) ** (2523 / 4096 * 128)
    picture = np.repeat(np.repeat(coded * 255, 16)[None, :, None], 64, 0).repeat(3, 2).round().astype(np.uint8)
    for curve in (1, 16):
        with av.open(str(tmp_path / f"{curve}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
            stream.height, stream.width, stream.pix_fmt = 64, 256, "yuv420p"
            stream.codec_context.color_trc = curve
            for _ in range(3):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    frame = next(iter(open_video(tmp_path / "16.mp4")))[32, 8::16].astype(int)
    np.testing.assert_allclose(frame, grey[:, None].repeat(3, 1), atol=6)
    plain = next(iter(open_video(tmp_path / "1.mp4")))[32, 8::16].astype(int)
    np.testing.assert_allclose(plain, picture[32, 8::16], atol=3)
