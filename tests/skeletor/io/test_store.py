"""Folders of shards."""

from pathlib import Path

import pytest

from skeletor.io import native
from skeletor.io.store import open_store, write_store
from skeletor.support.errors import InputError


def test_a_store_comes_back_in_order(tmp_path: Path, make, assert_same) -> None:
    poses = {f"clip{k}": make(frames=k + 1, seed=k) for k in range(5)}
    write_store(tmp_path, poses.items(), chunk=2)
    assert len(list(tmp_path.glob("*.safetensors"))) == 3
    found = open_store(tmp_path)
    assert list(found) == list(poses)
    for name, pose in poses.items():
        assert_same(found[name], pose)
    assert dict(open_store(tmp_path / "none")) == {}


def test_a_clip_in_two_shards_is_refused(tmp_path: Path, make) -> None:
    write_store(tmp_path, {"a": make(), "b": make()}.items())
    native.write_shard({"b": make(seed=1)}, tmp_path / "99999.safetensors")
    with pytest.raises(InputError, match="clip 'b' is in 2 files"):
        open_store(tmp_path)
