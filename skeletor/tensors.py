"""Write safetensors files whose bytes depend on their content alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from skeletor.atomic import atomic_path


def save_tensors(tensors: Mapping[str, np.ndarray], path: Path | str, metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata atomically.

    The safetensors library puts the metadata in another order in every process; here they are sorted, so that the
    same content gives the same bytes.
    """
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, temporary, dict(metadata))
        _sort_metadata(temporary)


def _sort_metadata(path: Path) -> None:
    """Rewrite the header in place: 8 bytes of length, JSON, spaces up to that length."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        metadata = dict(sorted(header.pop("__metadata__", {}).items()))
        text = json.dumps({"__metadata__": metadata, **header}, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > length:
            raise AssertionError(f"{path}: the sorted header needs {len(text)} bytes, the file has {length}")
        file.seek(8)
        file.write(text.ljust(length))
