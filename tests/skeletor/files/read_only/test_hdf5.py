"""HDF5 from outside: nothing but the file itself is read, and no more than it holds."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from skeletor.io.formats import read_pose, read_poses
from skeletor.support.errors import InputError


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """A pipe that is opened would block for ever."""

    def late(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def values(frames: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    joints = rng.uniform(2, 250, (frames, 50, 3)).astype(np.float32)
    joints[..., 2] = rng.uniform(0.1, 1, (frames, 50))
    return joints.reshape(frames, 150)


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        dict(read_poses(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{}, {"libver": "latest"}, {"userblock_size": 1024}, {"fs_strategy": "page"}],
    ids=["plain", "latest", "user block", "pages"],
)
def test_sound_files_of_all_kinds_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", **options) as file:
        file["whole"] = values(6)
        file["double"] = values(5, 1).astype(">f8")
        file.create_dataset("packed", data=values(70, 2), chunks=(16, 150), compression="gzip", shuffle=True)
        file.create_dataset("grown", data=values(9, 3), chunks=(4, 150), maxshape=(None, 150))
        file["alias"] = h5py.SoftLink("/whole")
        file["none"] = values(0)
    poses = read_poses(path)
    assert {name: len(pose) for name, pose in poses.items()} == {
        "alias": 6, "double": 5, "grown": 9, "none": 0, "packed": 70, "whole": 6,
    }  # fmt: skip
    for name, seed, frames in (("whole", 0, 6), ("double", 1, 5), ("packed", 2, 70), ("grown", 3, 9), ("alias", 0, 6)):
        np.testing.assert_array_equal(poses[name].keypoints, values(frames, seed).reshape(-1, 50, 3)[..., :2])


def test_values_in_another_file_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(200) * 150)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = values()
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("a", (20, 150), "u1", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
    refused(tmp_path / "external.h5", "another file")
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["a"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "x")
    refused(tmp_path / "link.h5", "another file")
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["out"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/")
        file["b"] = h5py.SoftLink("/out/x")
    refused(tmp_path / "soft.h5", "elsewhere|another file")


@pytest.mark.parametrize("length", [6, h5py.h5s.UNLIMITED])
def test_a_virtual_data_set_opens_no_pipe(tmp_path: Path, length: int) -> None:
    os.mkfifo(tmp_path / "pipe.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        source = h5py.VirtualSource(str(tmp_path / "pipe.h5"), "x", (6, 150), maxshape=(None, 150))
        layout = h5py.VirtualLayout((6, 150), "f4", maxshape=(None, 150))
        layout[:length] = source[:length]
        file.create_virtual_dataset("a", layout)
    refused(tmp_path / "a.h5", "another file")


def test_what_the_file_does_not_hold_is_not_made_up(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for options in (
        {"shape": (4_000_000, 150), "chunks": (1000, 150)},  # 2.4 GB in 1.4 kB
        {"shape": (100, 150), "chunks": (10, 150)},  # never written, small
        {"shape": (100, 150)},
        {"shape": (4_000_000, 150)},
    ):
        with h5py.File(path, "w") as file:
            file.create_dataset("a", dtype="f4", **options)
        refused(path, "holds")
    with h5py.File(path, "w") as file:
        half = file.create_dataset("a", (100, 150), "f4", chunks=(10, 150))
        half[:50] = values(50)
    refused(path, "not written to its end")


def test_bombs_are_refused_before_they_unfold(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        bomb = file.create_dataset("a", (120_000, 150), "f4", chunks=(30_000, 150), compression="gzip")
        for start in range(0, 120_000, 30_000):
            bomb[start : start + 30_000] = np.zeros((30_000, 150), np.float32)
    assert (tmp_path / "a.h5").stat().st_size < 2e6
    refused(tmp_path / "a.h5", "20 times its own size")


def test_bytes_put_in_or_cut_out_are_noticed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = values(12)
    sound = (tmp_path / "a.h5").read_bytes()
    for data in (sound[:2600] + bytes(600) + sound[2600:], sound[:2600] + sound[3200:], sound + b"\0", sound[:-1]):
        (tmp_path / "b.h5").write_bytes(data)
        refused(tmp_path / "b.h5", "bytes were put into it|truncated")
    shifted = np.roll(values(12).ravel(), 1).reshape(12, 150)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["a"] = shifted
    refused(tmp_path / "c.h5", "confidence")


def test_other_kinds_of_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    kinds: list[Any] = [np.array(["x"] * 3, "S4"), np.zeros(3, [("a", "f4")]), np.float32(3), values()[:, :149]]
    for content in kinds:
        with h5py.File(path, "w") as file:
            file["a"] = content
        refused(path, "expected")
    with h5py.File(path, "w") as file:
        file.create_group("a")
    refused(path, "no data set")
    with h5py.File(path, "w") as file:
        file["a"] = h5py.Empty("f4")
    refused(path, "expected")


def test_real_confidences_exceed_one_by_a_little(shared: Path) -> None:
    pose = read_pose(shared / "openpose" / "zelinka_demo_20161025_pocasi.h5")
    assert pose.confidence.max() == 1 and len(pose) == 583
