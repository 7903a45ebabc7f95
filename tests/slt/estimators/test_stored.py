"""Poses that stay on disk: any stretch of them is that of the whole, and parts make up the recording."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.io import native
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from slt.estimators import stored
from slt.estimators.registry import ESTIMATORS
from slt.estimators.stored import Part, StoredPoses, estimate_in_parts, stored_clip


def recording(frames: int, fps: float = 25.0) -> PoseSequence:
    """Every joint of frame t lies at (t, j), but some are missing."""
    points = np.stack(np.meshgrid(np.arange(50.0), np.arange(frames)), -1)[..., ::-1].astype(np.float32)
    confidence = np.random.default_rng(0).random((frames, 50)).astype(np.float32)
    points[confidence < 0.2] = np.nan
    confidence[confidence < 0.2] = 0
    return PoseSequence(points, confidence, fps, SIGNING_50, Provenance("talk", units="pixel"))


def same(one: PoseSequence, other: PoseSequence) -> bool:
    return np.array_equal(one.keypoints, other.keypoints, equal_nan=True) and np.array_equal(
        one.confidence, other.confidence
    )


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(-5, 150), st.integers(-5, 150))
def test_any_stretch_is_that_of_the_whole(tmp_path_factory, lengths, start, stop):
    folder, whole, parts, first = tmp_path_factory.mktemp("parts"), recording(sum(lengths)), [], 0
    for number, count in enumerate(lengths):
        lead = min(first, 3)
        native.write_shard({"c": whole.frames(first - lead, first + count)}, folder / f"{number}.safetensors")
        parts.append(Part(native.open_shard(folder / f"{number}.safetensors"), "c", lead, count))
        first += count
    kept = StoredPoses(tuple(parts), whole.provenance)
    assert (len(kept), kept.fps, kept.dims, kept.seconds) == (len(whole), 25.0, 2, whole.seconds)
    assert same(kept.frames(start, stop), whole.frames(start, stop))


def test_a_clip_of_a_file_stays_there(tmp_path):
    whole = recording(40)
    native.write_shard({"a": whole, "b": recording(7)}, tmp_path / "two.safetensors")
    kept = stored_clip(tmp_path / "two.safetensors", "a", whole.provenance, fps=50.0)
    assert len(kept) == 40 and kept.fps == 50.0 and same(kept.frames(3, 9), whole.frames(3, 9))


@pytest.mark.parametrize(("frames", "stride", "seconds"), [(100, 1, 1.0), (101, 3, 1.0), (10, 1, 60.0), (130, 2, 1.7)])
def test_parts_cover_every_frame_once_and_begin_with_key_frames(frames, stride, seconds):
    cuts = stored._cuts(frames, 25.0, stride, seconds)
    assert cuts[0][:2] == (0, 0) and cuts[-1][2] == frames
    assert all(before[2] == after[1] for before, after in pairwise(cuts))
    for lead, start, stop in cuts:
        assert lead % stride == start % stride == 0 and 0 <= lead <= start < stop


@pytest.mark.usefixtures("forked_workers")
def test_a_recording_is_estimated_in_parts_and_goes_on_with_those_that_are_there(tmp_path, monkeypatch):
    whole = recording(300)
    native.write_shard({"talk": whole}, tmp_path / "talk.safetensors")

    class _Video:
        fps, frame_count, begins = 25.0, 300, 0.0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(stored, "open_video", lambda *_: _Video())
    config = ESTIMATORS.check({"name": "poses"}, "test")
    found = estimate_in_parts(tmp_path / "talk.safetensors", config, tmp_path / "work", 2, seconds=4.0)
    assert len(found) == 300 and same(found.frames(0, 300), whole)
    files = sorted((tmp_path / "work").iterdir())
    assert [file.name for file in files] == ["00000.safetensors", "00001.safetensors", "00002.safetensors"]
    assert not {"start", "end"} & set(found.provenance.stages[-1].config)
    before = [file.stat().st_mtime_ns for file in files]
    files[1].unlink()
    again = estimate_in_parts(tmp_path / "talk.safetensors", config, tmp_path / "work", 1, seconds=4.0)
    assert same(again.frames(0, 300), whole) and again.provenance == found.provenance
    after = [file.stat().st_mtime_ns for file in files]
    assert after[0] == before[0] and after[2] == before[2] and after[1] != before[1]


def test_other_people_in_one_part_are_told_of_the_whole():
    people = StageRecord("people", "1", {"others": 1, "other": "left"})
    estimate = StageRecord("estimate", "1", {"estimator": "mediapipe", "start": 0.0, "end": 4.0})
    alone, together = Provenance("v.mp4", stages=(estimate,)), Provenance("v.mp4", stages=(people, estimate))
    assert stored._whole([alone, together]).stage("people") == people
    assert stored._whole([alone, alone]).stage("people") is None
