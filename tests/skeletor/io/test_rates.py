"""Files that tell no frame rate: the usual one stands in the provenance, and is told once a batch."""

import json
import logging
from pathlib import Path

import h5py
import numpy as np
import pytest

from skeletor.io.formats import read_pose, write_pose
from skeletor.io.layouts import LAYOUTS
from skeletor.io.rates import STAGE, RateTeller
from tests.skeletor.io.signer import in_layout, person, signer, write_json

JOINTS = signer(4)


def silent_files(folder: Path) -> list[Path]:
    """Of each kind that tells no frame rate."""
    frames = folder / "frames"
    frames.mkdir()
    for number in range(4):
        write_json(frames, number, [person(JOINTS, number)])
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    np.save(folder / "array.npy", points)
    np.savez(folder / "arrays.npz", points=points)
    content = [{"people": [person(JOINTS, number)]} for number in range(4)]
    (folder / "recording.json").write_text(json.dumps(content))
    with h5py.File(folder / "points.h5", "w") as file:
        file["a"] = np.ones((4, 150), np.float32)
    return [frames, *(folder / name for name in ("array.npy", "arrays.npz", "recording.json", "points.h5"))]


def test_an_assumed_rate_stands_in_the_provenance_and_a_told_one_does_not(tmp_path: Path) -> None:
    for path in silent_files(tmp_path):
        pose = read_pose(path)
        assert pose.fps == 25 and pose.provenance.stages[-1].name == STAGE, path
        assert pose.provenance.stages[-1].config == {"fps": 25, "by": "default"}
        assert read_pose(path, fps=25).provenance.stage(STAGE) is None, path
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    np.savez(tmp_path / "told.npz", points=points, fps=30)
    (tmp_path / "told.json").write_text(json.dumps({"fps": 30, "frames": [{"people": [person(JOINTS, 0)]}] * 4}))
    for name in ("told.npz", "told.json"):
        pose = read_pose(tmp_path / name)
        assert pose.fps == 30 and pose.provenance.stage(STAGE) is None


def test_it_is_told_of_the_first_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = silent_files(tmp_path)
    tell = RateTeller()
    with caplog.at_level(logging.WARNING, "skeletor"):
        caplog.clear()
        tell(read_pose(files[0], fps=30), files[0])
        assert not caplog.messages
        for path in files:
            tell(read_pose(path), path)
        (told,) = [line for line in caplog.messages if "frame rate" in line]
        assert told.startswith(f"{files[0]}: tells no frame rate; 25 frames a second are assumed")
        caplog.clear()
        poses = {"a": read_pose(files[1])}
        seen = RateTeller().each(poses, files[1])
        assert list(seen) == ["a"] and len(seen) == 1 and "a" in seen and not caplog.messages, "not before it is read"
        assert seen["a"] is poses["a"] and len(caplog.messages) == 1


def test_a_file_of_ours_tells_its_rate(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also one that was assumed when it was written, and whatever is said in its place now."""
    np.save(tmp_path / "a.npy", in_layout(JOINTS, LAYOUTS["coco_wholebody_133"]))
    own = tmp_path / "own.safetensors"
    write_pose(read_pose(tmp_path / "a.npy"), own)
    with caplog.at_level(logging.WARNING, "skeletor"):
        caplog.clear()
        for fps in (None, 50):
            RateTeller()(read_pose(own, fps=fps), own)
        assert not caplog.messages
