"""A file as if it were live: its own frames, each at its time."""

import cv2
import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.live.sources.by_name import open_source
from slt.live.sources.playback import open_playback
from slt.video import open_video, write_video
from tests.slt.live.fakes import FakeClock


@pytest.fixture(name="film")
def _film(tmp_path):
    path = tmp_path / "film.mp4"
    write_video(path, [np.full((16, 24, 3), 20 * k, np.uint8) for k in range(12)], 12.5)
    return path


def test_frames_come_at_the_files_own_rate(film):
    clock = FakeClock(50.0)
    with open_playback(film, clock) as source:
        came = list(source.frames())
    assert source.fps == 12.5 and [one.slot for one in came] == list(range(12))
    assert [one.arrived for one in came] == pytest.approx([50 + k / 12.5 for k in range(12)])
    for one, image in zip(came, open_video(film), strict=True):
        np.testing.assert_array_equal(one.image, image)


def test_it_ends_with_the_clock(film):
    clock = FakeClock()
    with open_playback(film, clock) as source:
        frames = source.frames()
        next(frames)
        clock.end()
        assert list(frames) == []


def test_names_mean_cameras_files_and_pipes(film, tmp_path):
    clock = FakeClock()
    with open_source(str(film), clock, as_if_live=True) as source:
        assert source.name == str(film)
    for name, options, told in (
        ("0", {"as_if_live": True}, "a camera is live"),
        ("-", {"as_if_live": True}, "comes as it comes"),
        (str(film), {"fps": 25.0}, "--fps is for cameras"),
        (str(tmp_path / "none.mp4"), {"as_if_live": True}, "no such file"),
        (str(tmp_path / "none.ts"), {}, "none.ts: cannot be read \\(No such file"),
        (str(tmp_path), {}, "is a folder; give a camera"),
        ("/dev/null", {}, "is a device that is no camera"),
        ("/dev/video987", {}, "/dev/video987: no camera can be opened there; there is no such device"),
        ("987", {}, "camera 987: no camera can be opened there; is it plugged in"),
        ("rtsp://x/y", {}, "cannot be read"),
    ):
        with pytest.raises(InputError, match=told) as refused, open_source(name, clock, **options):
            pass
        assert "\n" not in str(refused.value)


def test_a_folder_of_pictures_has_the_rate_that_is_given(tmp_path):
    for k in range(3):
        assert cv2.imwrite(str(tmp_path / f"{k}.png"), np.zeros((16, 16, 3), np.uint8))
    with open_source(str(tmp_path), FakeClock(), fps=50.0, as_if_live=True) as source:
        assert source.fps == 50 and len(list(source.frames())) == 3
