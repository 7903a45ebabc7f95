"""Pickles are told by content: every protocol, torch's two kinds, and what packs them; nothing that is none."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from skeletor.files.kinds.pickles import unsafe_kind

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8,
)  # fmt: skip


def kind(folder: Path, data: bytes) -> str | None:
    (folder / "file").write_bytes(data)
    return unsafe_kind(folder / "file")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pickles")


@given(value=PLAIN, protocol=st.integers(0, 5), behind=st.binary(max_size=20))
def test_every_pickle_is_one(folder, value, protocol, behind):
    assert "pickle" in kind(folder, pickle.dumps(value, protocol) + behind)


def test_so_are_those_of_torch_numpy_and_what_is_packed(folder):
    for new in (True, False):
        torch.save({"w": torch.zeros(3)}, folder / "t", _use_new_zipfile_serialization=new)
        assert "pickle" in unsafe_kind(folder / "t")
    np.save(folder / "a.npy", np.array([print, 1], object), allow_pickle=True)
    assert "pickle" in unsafe_kind(folder / "a.npy")
    assert kind(folder, gzip.compress(pickle.dumps(1))) == "packed (gzip)"
    with tarfile.open(folder / "t.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    assert unsafe_kind(folder / "t.tar") == "an archive (tar)"
    assert "pickle" in kind(folder, pickle.dumps(list(range(100_000))))  # longer than is counted


@pytest.mark.parametrize(
    "text", ["", ".", "<unk>\n<s>\nregen\n", "# A card\n", "format: x\n", "---\na: b\n---\n", "{}"]
)
def test_texts_are_none(folder, text):
    assert kind(folder, text.encode()) is None


@given(st.integers(0, 700))
def test_safetensors_are_none_however_long_their_header(folder, length):
    data = save({"w": np.zeros(3, np.float32)}, {"note": "x" * length})
    assert kind(folder, data) is None and json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
