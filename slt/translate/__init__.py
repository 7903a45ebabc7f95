"""The translator: skeletons to German, with JoeyNMT's transformer on continuous input.

Importing this package is cheap; torch and JoeyNMT are loaded when something of theirs is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slt.translate.config import PRESETS, TranslateConfig

if TYPE_CHECKING:
    from slt.translate.data import Example
    from slt.translate.decode import Decoding, Hypothesis
    from slt.translate.train import TrainResult, train_gloss2text, train_translator
    from slt.translate.translator import Translator

_HOMES = {
    "Example": "data",
    "Decoding": "decode",
    "Hypothesis": "decode",
    "TrainResult": "train",
    "train_gloss2text": "train",
    "train_translator": "train",
    "Translator": "translator",
}
__all__ = [
    "PRESETS", "Decoding", "Example", "Hypothesis", "TrainResult", "TranslateConfig", "Translator",
    "train_gloss2text", "train_translator",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
