"""Sign2Text: from pixels straight to text, the baseline of Camgoz et al., Neural Sign Language Translation, CVPR 2018.

Importing this package is cheap; torch and JoeyNMT are loaded when something of theirs is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slt.sign2text.config import PRESETS, Sign2TextConfig, Sign2TextRow, sign2text_preset

if TYPE_CHECKING:
    from slt.sign2text.train import Clips, train_sign2text
    from slt.sign2text.translator import Sign2Text

_HOMES = {"Clips": "train", "train_sign2text": "train", "Sign2Text": "translator"}
__all__ = [
    "PRESETS", "Clips", "Sign2Text", "Sign2TextConfig", "Sign2TextRow", "sign2text_preset", "train_sign2text",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
