"""Files of poses: `formats` chooses by the suffix. A module a format, `read_only` for those that are never written.

`read_pose`, `read_poses`, `write_pose` and `write_poses` of `formats` are loaded when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skeletor.io.formats import read_pose, read_poses, write_pose, write_poses

__all__ = ["read_pose", "read_poses", "write_pose", "write_poses"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from skeletor.io import formats

    return getattr(formats, name)
