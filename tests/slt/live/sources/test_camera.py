"""A camera that is made up: what it gives, at which times."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.live.sources.camera import open_camera
from tests.slt.live.fakes import FakeClock


class Capture:
    """Gives a picture a step; says `said` of its rate. gone: the picture from which nothing comes."""

    def __init__(self, clock: FakeClock, rate: float, said: float, gone: int = 10**9, opened: bool = True) -> None:
        self._clock, self._rate, self._said, self._gone, self._opened = clock, rate, said, gone, opened
        self.count, self.released = 0, False
        self.asked: dict[int, float] = {}

    def isOpened(self):
        return self._opened

    def read(self):
        self.count += 1
        if self.count > self._gone:
            return False, None
        self._clock.time += 1 / self._rate
        return True, np.full((2, 2, 3), (1, 2, 3), np.uint8)

    def get(self, number):
        return self._said if number == cv2.CAP_PROP_FPS else 0.0

    def set(self, number, value):
        self.asked[number] = value
        return True

    def release(self):
        self.released = True


@pytest.mark.parametrize(
    ("rate", "said", "fps"), [(29.5, 30.0, 30.0), (15.0, 30.0, 15.0), (25.0, 0.0, 25.0), (14.2, 30.0, 14.2)]
)
def test_the_rate_is_measured_where_a_camera_promises_more(rate, said, fps):
    clock = FakeClock()
    capture = Capture(clock, rate, said)
    with open_camera(0, clock, opener=lambda _: capture) as camera:
        assert camera.fps == pytest.approx(fps, rel=1e-3) and camera.name == "camera 0"
    assert capture.released


def test_pictures_are_rgb_and_lie_at_their_time():
    clock = FakeClock()
    capture = Capture(clock, 20.0, 20.0)
    with open_camera("/dev/video3", clock, fps=10.0, opener=lambda _: capture) as camera:
        frames = camera.frames()
        came = [next(frames) for _ in range(5)]
        clock.time += 3.0  # nothing came for a while
        came.append(next(frames))
        clock.end()
        assert list(frames) == []
    assert capture.asked[cv2.CAP_PROP_FPS] == 10.0 and came[0].image[0, 0].tolist() == [3, 2, 1]
    for one in came:
        assert one.slot == pytest.approx((one.arrived - came[0].arrived) * 10, abs=0.5)
    steps = [b.slot - a.slot for a, b in pairwise(came)]
    assert min(steps) >= 1 and steps[-1] >= 30  # twice as quick as its grid, and its time is kept


def test_a_camera_that_does_not_open_or_gives_nothing_is_told_in_one_line():
    clock = FakeClock()
    shut, mute = Capture(clock, 25, 25, opened=False), Capture(clock, 25, 25, gone=40)
    with pytest.raises(InputError, match="camera 2: no camera"), open_camera(2, clock, opener=lambda _: shut):
        pass
    assert shut.released
    with open_camera(2, clock, opener=lambda _: mute) as camera, pytest.raises(InputError, match="gives no pictures"):
        list(camera.frames())
