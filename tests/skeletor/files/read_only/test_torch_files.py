"""Files of torch.save from outside: what weights_only leaves open."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skeletor.files.read_only.torch_files import load_torch
from skeletor.io.formats import read_poses
from skeletor.support.errors import InputError

POINTS = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (6, 178, 3)).astype(np.float32))


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        dict(read_poses(path))
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def save(value: Any, path: Path, archive: bool = True) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=archive)
    return path


@pytest.mark.parametrize("archive", [True, False])
def test_sound_files_are_read(tmp_path: Path, archive: bool) -> None:
    clips = {"a": POINTS, "half": POINTS.half(), "turned": POINTS.permute(2, 1, 0).contiguous().permute(2, 1, 0)}
    poses = read_poses(save(clips, tmp_path / "a.pt", archive))
    assert {name: len(pose) for name, pose in poses.items()} == {"a": 6, "half": 6, "turned": 6}
    np.testing.assert_array_equal(poses["a"].keypoints, poses["turned"].keypoints)


def test_parts_and_shared_tensors_are_read_from_archives(tmp_path: Path) -> None:
    poses = read_poses(save({"a": POINTS[:4], "b": POINTS[4:]}, tmp_path / "a.pt"))
    assert [len(pose) for pose in poses.values()] == [4, 2]
    tied = {"a": POINTS, "b": POINTS}
    assert torch.equal(load_torch(save(tied, tmp_path / "t.pt", False), "file")["b"], POINTS)


def odd_tensors() -> dict[str, torch.Tensor]:
    return {
        "stride 0": torch.zeros(1, 178, 3).expand(4_000_000, 178, 3),
        "overlap": torch.zeros(2 * 534).as_strided((500, 178, 3), (1, 3, 1)),
        "sparse": POINTS.to_sparse(),
        "csr": POINTS[0].to_sparse_csr(),
        "meta": POINTS.to("meta"),
        "quantised": torch.quantize_per_tensor(POINTS, 0.1, 0, torch.qint8),
    }


@pytest.mark.parametrize("kind", ["stride 0", "overlap", "sparse", "csr", "meta", "quantised"])
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_are_not_what_they_say_are_refused(tmp_path: Path, kind: str, nested: bool) -> None:
    odd = odd_tensors()[kind]
    path = save({"a": POINTS, "x": {"poses_3d": odd, "name": "x"} if nested else odd}, tmp_path / "a.pt")
    refused(path, "repeats its values|only dense tensors|not a readable")


def test_one_tensor_under_many_names_is_no_corpus(tmp_path: Path) -> None:
    refused(save({str(k): POINTS for k in range(10_000)}, tmp_path / "a.pt"), "share their values")


def test_archives_that_unfold_and_checksums_that_do_not_fit(tmp_path: Path) -> None:
    sound = save({"a": torch.zeros(2000, 178, 3)}, tmp_path / "a.pt")
    with zipfile.ZipFile(sound) as source, zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert (tmp_path / "bomb.pt").stat().st_size < 1e6
    refused(tmp_path / "bomb.pt", "compressed")
    data = bytearray(save({"a": POINTS}, tmp_path / "b.pt").read_bytes())
    data[len(data) // 2] ^= 1  # torch itself does not notice
    (tmp_path / "b.pt").write_bytes(data)
    refused(tmp_path / "b.pt", "checksum")


def test_legacy_files_have_their_length_and_shape(tmp_path: Path) -> None:
    sound = save({"a": POINTS}, tmp_path / "a.pt", archive=False).read_bytes()
    path = tmp_path / "b.pt"
    for data in (sound[:-3000] + bytes(24) + sound[-3000:], sound + b"\0", sound[:-3000] + sound[-2990:]):
        path.write_bytes(data)
        refused(path, "too many|truncated")
    shape = b"K\x06K\xb2K\x03"
    assert sound.count(shape) == 1
    for other in (b"K\x03K\xb2K\x03", b"K\x06K\xb2K\x02", b"J\x40\x42\x0f\x00K\xb2K\x03"):
        path.write_bytes(sound.replace(shape, other))
        refused(path, "do not use all|truncated")
