"""From a video of someone signing to a written sentence.

`translate_video(video)` translates one video; `load(folder)` gives a `Chain` that translates many. They are loaded
when they are asked for, so that `import slt` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slt.inference.api import load, translate_video
    from slt.inference.chain import Chain, Translation

__all__ = ["Chain", "Translation", "load", "translate_video"]


def __getattr__(name: str) -> Any:
    if name in ("load", "translate_video"):
        from slt.inference import api

        return getattr(api, name)
    if name in ("Chain", "Translation"):
        from slt.inference import chain

        return getattr(chain, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
