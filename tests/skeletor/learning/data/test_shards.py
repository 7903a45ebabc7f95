"""Clips read from shards by their bytes: those of the whole files, from anywhere, and nothing that is not needed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from skeletor.io import native
from skeletor.learning.data.pack import pose_files
from skeletor.learning.data.places import BUFFER, Folder, Remote, stream_buffer
from skeletor.learning.data.shards import Shards, open_shards
from skeletor.poses.pose import PoseSequence
from skeletor.poses.turns import Turn, with_turns
from skeletor.support.errors import InputError, MissingDependency
from tests.skeletor.learning.data.store import in_memory, poses, write_shards


def everything(shards: Shards) -> list[PoseSequence]:
    return [pose for clips in shards.load(range(len(shards.groups))) for pose in clips]


def same(found: list[PoseSequence], wanted: list[PoseSequence]) -> None:
    def key(pose: PoseSequence) -> tuple[int, float]:
        return len(pose), float(pose.keypoints[0, 10, 0])

    assert len(found) == len(wanted)
    for one, other in zip(sorted(found, key=key), sorted(wanted, key=key), strict=True):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        np.testing.assert_array_equal(one.confidence, other.confidence)
        assert (one.fps, one.skeleton) == (other.fps, other.skeleton)


@pytest.mark.parametrize("buffer", [1, 5, 512])
def test_the_clips_are_those_of_the_files(tmp_path: Path, buffer: int) -> None:
    made = poses(50)
    shards = open_shards([str(write_shards(tmp_path, made, 20))], buffer=buffer)
    assert shards.clips == 50 and shards.groups.frames.sum() == sum(map(len, made))
    assert shards.groups.clips.max() <= min(buffer, 16)
    same(everything(shards), made)
    some = list(shards.some())
    assert 0 < len(some) <= max(buffer, 16) * 2


def test_people_in_turns_are_refused_before_the_training_begins(tmp_path: Path) -> None:
    talk = with_turns(poses(1)[0].frames(0, 9), [Turn(0, 4, 1), Turn(4, 9, 2)], ["at the left", "at the right"])
    folder = write_shards(tmp_path, [*poses(3), talk], 2)
    with pytest.raises(InputError, match=r"0000001\.safetensors: .*: several people sign in turns"):
        open_shards([str(folder)])
    open_shards([str(write_shards(tmp_path / "b", [talk.frames(0, 4)], 1))])


def test_memory_of_fsspec_and_urls_of_files_give_the_same(tmp_path: Path) -> None:
    made = poses(20)
    folder = write_shards(tmp_path / "a", made, 6)
    at_home = open_shards([str(folder)])
    by_url = open_shards([f"file://{folder}"])
    with in_memory(folder) as url:
        far = open_shards([url])
        assert far.groups.frames.tolist() == at_home.groups.frames.tolist() == by_url.groups.frames.tolist()
        same(everything(far), made)


def test_what_a_killed_writer_left_is_no_shard(tmp_path: Path) -> None:
    made = poses(6)
    folder = write_shards(tmp_path / "a", made, 3)
    whole = next(folder.rglob("*.safetensors")).read_bytes()
    (folder / "shards/0000/.0000000.77.tmp.safetensors").write_bytes(whole)  # written, and not yet renamed
    (folder / "shards/0000/.0000001.78.tmp.safetensors").write_bytes(whole[: len(whole) // 2])
    same(everything(open_shards([str(folder)])), made)
    assert [path.name for path in pose_files(folder / "shards/0000")] == ["0000000.safetensors", "0000001.safetensors"]
    with in_memory(folder) as url:
        same(everything(open_shards([url])), made)


def test_only_the_bytes_of_the_chosen_clips_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_shards(tmp_path, poses(60), 60)
    shards = open_shards([str(folder)], buffer=4)
    read: list[int] = []
    before = Folder.read

    def noted(place: Folder, pieces: list) -> list[bytes]:
        read.extend(piece.end - piece.begin for piece in pieces)
        return before(place, pieces)

    monkeypatch.setattr(Folder, "read", noted)
    (group,) = shards.load([7])
    values = sum(pose.keypoints.nbytes + pose.confidence.nbytes for pose in group)
    assert read == [int(shards.ends[0]), values], "the header, and one run of bytes"


def test_a_file_and_several_folders_are_read_together(tmp_path: Path) -> None:
    first, second = poses(5, 1), poses(4, 2)
    write_shards(tmp_path / "a", first, 5)
    native.write_shard({"x": second[0]}, tmp_path / "one.safetensors")
    write_shards(tmp_path / "b", second[1:], 2)
    shards = open_shards([str(tmp_path / name) for name in ("a", "one.safetensors", "b")])
    same(everything(shards), [*first, *second])


def test_a_folder_of_all_splits_is_refused(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_shards(tmp_path / "lifted" / split, poses(3), 2)
    with pytest.raises(InputError, match=r"lifted.*holds train and test together; give the folder of one"):
        open_shards([str(tmp_path / "lifted")])
    assert open_shards([str(tmp_path / "lifted" / "train")]).groups.clips.sum() == 3


def test_the_digest_goes_by_names_sizes_times_headers_and_the_choice(tmp_path: Path) -> None:
    folder = write_shards(tmp_path, poses(12), 4)
    shards = open_shards([str(folder)])
    assert open_shards([str(folder)]).digest == shards.digest != shards.subset([0]).digest
    same(everything(shards.subset([1])), everything(shards)[4:8])
    (folder / "shards/0000/0000001.safetensors").rename(folder / "shards/0000/0000009.safetensors")
    assert open_shards([str(folder)]).digest != shards.digest


def told(text: str, paths: list[str], **values: float) -> None:
    """`paths` cannot be used: one line that has the text."""
    with pytest.raises(InputError) as found:
        everything(open_shards(paths, **values))
    assert text in str(found.value) and "\n" not in str(found.value) and len(str(found.value)) < 500


def test_what_cannot_be_used_is_one_line_with_the_file(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "a", poses(8), 4)
    broken = folder / "shards/0000/0000001.safetensors"
    whole = broken.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    first = next(name for name in header if name.endswith("keypoints"))

    def changed(**values: object) -> bytes:
        new = json.dumps({**header, first: {**header[first], **values}}).encode()
        return len(new).to_bytes(8, "little") + new + whole[8 + length :]

    begin, end = header[first]["data_offsets"]
    shape = header[first]["shape"]
    for content in (
        whole[:-1], whole[: 8 + length // 2], whole[:5], b"{}", whole + b"x", b"\xff" * 8 + whole[8:],
        changed(dtype="F16"), changed(dtype="I64"), changed(dtype="Q"), changed(shape=[shape[0] + 1, *shape[1:]]),
        changed(shape=[-shape[0], -shape[1], shape[2]]), changed(shape=[2.5]), changed(data_offsets=[begin, end + 9]),
        changed(data_offsets=[end, begin]), changed(data_offsets=[0, 0]), changed(shape=[10**30, 50, 3]),
        whole.replace(b"skeletor.pose", b"skeletor.nose"), (2).to_bytes(8, "little") + b"[]",
        (10**5).to_bytes(8, "little") + b"[" * 10**5,
    ):  # fmt: skip
        broken.write_bytes(content)
        told("0000001.safetensors", [str(folder)])
    broken.write_bytes(b"")
    told("empty", [str(folder)])
    save_file({"x": np.zeros(3, np.float32)}, broken)
    told("not one of poses", [str(folder)])
    with in_memory(folder) as url:
        told(f"{url}/shards/0000/0000001.safetensors", [url])
        told("no clips of poses", [f"{url}/elsewhere"])


def test_a_header_that_names_something_twice_is_refused(tmp_path: Path) -> None:
    native.write_shard({"a": poses(1)[0]}, tmp_path / "a.safetensors")
    whole = (tmp_path / "a.safetensors").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    doubled = whole[8 : 8 + length].rstrip()[:-1] + b',"a/keypoints":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    (tmp_path / "a.safetensors").write_bytes(len(doubled).to_bytes(8, "little") + doubled + whole[8 + length :])
    told("twice", [str(tmp_path)])


def test_clips_that_do_not_fit_together_are_told(tmp_path: Path) -> None:
    made = poses(3)
    native.write_shard({"a": made[0]}, tmp_path / "a.safetensors")
    native.write_shard({"b": made[1].replace(fps=30)}, tmp_path / "b.safetensors")
    told("clip 'b' has 30 frames per second, not 25", [str(tmp_path)])
    told("has 25 frames per second, not 50", [str(tmp_path / "a.safetensors")], fps=50)
    native.write_shard({"b": made[1].replace(made[1].keypoints[..., :2])}, tmp_path / "b.safetensors")
    told("signing_50 in 2D", [str(tmp_path)])
    told("no such file", [str(tmp_path / "nothing")])
    (tmp_path / "empty").mkdir()
    told("no clips of poses", [str(tmp_path / "empty")])


def test_a_shard_that_changes_while_a_training_goes_on_is_told(tmp_path: Path) -> None:
    made = poses(4)
    native.write_shard({"a": made[0], "b": made[1]}, tmp_path / "a.safetensors")
    shards = open_shards([str(tmp_path)])
    native.write_shard({"a": made[0].frames(0, 1), "b": made[1]}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"a\.safetensors"):
        everything(shards)
    (tmp_path / "a.safetensors").unlink()
    with pytest.raises(InputError, match=r"a\.safetensors: no such file"):
        everything(shards)


def test_a_store_that_needs_more_packages_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    with pytest.raises(InputError) as unknown:
        open_shards(["nowhere://bucket"])
    assert "nowhere" in str(unknown.value) and "\n" not in str(unknown.value)
    before = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("fsspec"):
            raise ImportError(name)
        return before(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match=r"skeletor-slt\[remote\]"):
        Remote.of("memory://x")


def test_which_data_are_gone_through_and_which_are_held(tmp_path: Path) -> None:
    inner = write_shards(tmp_path / "inner", poses(2), 2)
    native.write_shard({"a": poses(1)[0]}, tmp_path / "flat" / "a.safetensors")
    flat, file = str(tmp_path / "flat"), str(tmp_path / "flat" / "a.safetensors")
    assert stream_buffer([flat, file], None) is None and stream_buffer([flat], 3) == 3
    assert stream_buffer([str(inner)], None) == stream_buffer(["s3://bucket/poses", flat], None) == BUFFER
    assert stream_buffer([str(tmp_path)], None) is None, "train, dev and test of a run are not one"
    (tmp_path / "flat" / "frames.json").touch()
    assert stream_buffer([flat], None) is None
    with pytest.raises(InputError, match="stands alone"):
        stream_buffer([flat], 5)
