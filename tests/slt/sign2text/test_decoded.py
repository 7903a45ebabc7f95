import logging

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.sign2text.batches import change_frames, pad_frames
from slt.sign2text.decoded import FrameStore, decode_frames, frame_file, mean_picture, read_frames
from slt.video import write_video


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """(T, 40, 32, 3) smooth pictures that a codec keeps."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (count, 5, 4, 3)).astype(np.uint8)
    return np.stack([cv2.resize(c, (32, 40), interpolation=cv2.INTER_CUBIC) for c in coarse])


def write_folder(folder, frames):
    folder.mkdir(parents=True)
    for k, frame in enumerate(frames, 1):
        cv2.imwrite(str(folder / f"images{k:04d}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    return folder


def test_a_video_and_a_folder_of_pictures_read_alike(tmp_path):
    frames = pictures(6)
    write_video(tmp_path / "a.mp4", frames, 25.0, crf=1)
    folder = write_folder(tmp_path / "b", frames)
    expected = np.stack([cv2.resize(f, (16, 20), interpolation=cv2.INTER_AREA) for f in frames])
    assert np.array_equal(read_frames(folder, 20, 16), expected)
    found = read_frames(tmp_path / "a.mp4", 20, 16)
    assert found.shape == expected.shape and np.abs(found.astype(int) - expected).mean() < 6


def test_frames_are_decoded_once_and_bad_clips_are_left_out(tmp_path, caplog, monkeypatch):
    sources = {name: write_folder(tmp_path / name, pictures(3 + k, k)) for k, name in enumerate("abc")}
    (sources["b"] / "images0002.png").write_bytes(b"no picture")
    cache = tmp_path / "cache"
    monkeypatch.setattr(logging.getLogger("skeletor"), "propagate", True)
    with caplog.at_level(logging.WARNING, logger="skeletor"):
        assert decode_frames(sources, cache, 20, 16) == ["a", "c"]
    assert "b left out" in caplog.text and "images0002.png" in caplog.text
    store = FrameStore([frame_file(cache, name) for name in "ac"])
    assert store.lengths == [3, 5] and isinstance(store[0], np.memmap) and store[1].shape == (5, 20, 16, 3)
    kept = frame_file(cache, "a").stat().st_mtime_ns
    frame_file(cache, "c").unlink()  # a killed run
    (cache / ".c.1.tmp.npy").write_bytes(b"half")
    assert decode_frames(sources, cache, 20, 16) == ["a", "c"]
    assert frame_file(cache, "a").stat().st_mtime_ns == kept and len(FrameStore([frame_file(cache, "c")])[0]) == 5


def test_damaged_caches_are_one_clear_line(tmp_path):
    path = frame_file(tmp_path, "a")
    for content in (b"", b"\x93NUMPY\x01\x00", b"text"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="delete it") as caught:
            FrameStore([path])
        assert "\n" not in str(caught.value)
    np.save(path, np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(InputError, match="are not frames"):
        FrameStore([path])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 99))
def test_the_mean_picture_is_the_mean_of_all_frames(lengths, seed):
    rng = np.random.default_rng(seed)
    clips = [rng.integers(0, 256, (n, 3, 2, 3)).astype(np.uint8) for n in lengths]
    assert np.allclose(mean_picture(clips, lengths), np.concatenate(clips).mean(0), atol=1e-4)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=8), st.integers(1, 20))
def test_of_many_frames_every_so_many_is_drawn_across_clips(lengths, most):
    whole = np.zeros((sum(lengths), 1, 1, 3), np.uint8)
    step = -(-len(whole) // most)
    whole[::step] = 200  # those that should be drawn
    parts = np.split(whole, np.cumsum(lengths)[:-1])
    assert (mean_picture(parts, lengths, most) == 200).all() and len(whole[::step]) <= most


def test_a_batch_is_padded_behind():
    frames, lengths = pad_frames([np.full((2, 3, 2, 3), 9, np.uint8), np.full((4, 3, 2, 3), 5, np.uint8)])
    assert frames.shape == (2, 4, 3, 2, 3) and lengths.tolist() == [2, 4]
    assert (frames[0, 2:] == 0).all() and (frames[0, :2] == 9).all() and (frames[1] == 5).all()


@given(st.integers(0, 1000))
def test_a_shift_moves_all_frames_alike_and_never_mirrors(seed):
    frames = np.zeros((3, 20, 10, 3), np.uint8)
    frames[:, :, :3] = 200  # left
    changed = change_frames(frames, np.random.default_rng(seed), shift=0.2, brightness=0.2)
    assert changed.shape == frames.shape and changed.dtype == np.uint8
    assert (changed == changed[:1]).all()
    assert (changed[:, :, 0] > changed[:, :, -1]).all()


def test_nothing_is_changed_by_default_and_a_mirror_is_every_other_time():
    frames = pictures(2)
    rng = np.random.default_rng(0)
    assert change_frames(frames, rng) is frames
    mirrored = [np.array_equal(change_frames(frames, rng, mirror=True), frames[:, :, ::-1]) for _ in range(40)]
    assert 10 < sum(mirrored) < 30
