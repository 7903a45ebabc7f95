"""Skeletor: skeletons of signers, their files, and their repair. Imports nothing of `slt`.

`refine(keypoints, ...)` repairs plain arrays; it is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skeletor.repair import refine

__all__ = ["refine"]


def __getattr__(name: str) -> Any:
    if name != "refine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from skeletor.repair import refine

    return refine
