"""Which trained system lies in a folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from slt.recognise.cascade import Cascade
from slt.recognise.ensemble.recognisers import Recognisers
from slt.recognise.ensemble.translators import Translators
from slt.recognise.isolated import SIGNS, SignReader
from slt.recognise.recogniser import WEIGHTS
from slt.translate.reader import Reader
from slt.translate.translator import Translator


def load_reader(folder: Path, device: str = "auto", names: Collection[str] | None = None) -> Reader:
    """The system in a folder: of isolated signs, a cascade if there is a recogniser (of all recognisers and
    Gloss2Text models that are there), or else a translator.

    names: the files that are taken to be there; None looks. Raises InputError as the systems do.
    """
    there = {path.name for path in folder.iterdir()} if names is None and folder.is_dir() else set(names or ())
    if SIGNS in there:
        return SignReader.load(folder, device)
    if WEIGHTS in there:
        return Cascade(Recognisers.load(folder, device, there), Translators.load(folder, device, there))
    return Translator.load(folder, device)
