"""Animated pictures are videos, single ones are none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skeletor.support.errors import InputError
from slt.video import open_video
from tests.slt.video.conftest import Clips


def animate(clips: Clips, name: str, durations: int | list[int], count: int = 12) -> Path:
    pictures = [Image.fromarray(clips.picture(k)) for k in range(count)]
    path = clips.folder / name
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, lossless=True)
    return path


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.gif"])
def test_frames_are_at_their_times(clips: Clips, name: str) -> None:
    """One of them stands for five."""
    with open_video(animate(clips, name, [40] * 4 + [200] + [40] * 7)) as video:
        assert (video.fps, video.frame_count, video.width, video.height) == (25, 16, 128, 96)
        assert clips.numbers(video) == [0, 1, 2, 3, 4, 4, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11]


def test_an_animated_webp_in_parts_and_strides(clips: Clips) -> None:
    path = animate(clips, "a.webp", 33).rename(clips.folder / "called otherwise")
    with open_video(path) as video:
        assert video.fps == pytest.approx(30, rel=0.02)
        assert clips.numbers(video.every(3)) == [0, None, None, 3, None, None, 6, None, None, 9, None, None]
        assert clips.numbers(video.between(4, 7)) == [4, 5, 6]
        np.testing.assert_array_equal(next(iter(video)), clips.picture(0))


def test_pictures_without_a_time_stand_as_long_as_browsers_show_them(clips: Clips) -> None:
    assert open_video(animate(clips, "a.webp", 0)).fps == 10


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_an_animation_that_breaks_off(clips: Clips, share: float) -> None:
    path = animate(clips, "a.webp", 40)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"a\.webp: an animation that breaks off or is damaged; get the whole file"):
        open_video(path)


def test_an_image_sequence_beside_a_still_is_read(clips: Clips) -> None:
    """AVIF: the first stream is a single picture."""
    pictures = [Image.fromarray(clips.picture(k)) for k in range(12)]
    path = clips.folder / "a.avif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40, quality=95)
    assert clips.numbers(open_video(path)) == list(range(12))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff", "a.bmp", "a.avif", "a.gif"])
def test_a_single_picture_is_no_video(clips: Clips, name: str) -> None:
    """As `slt poses frames/*.jpg` gives them."""
    Image.fromarray(clips.picture(0)).save(clips.folder / name)
    with pytest.raises(InputError, match=rf"{name}: a picture, not a video; give the folder") as error:
        open_video(clips.folder / name)
    assert "\n" not in str(error.value)
