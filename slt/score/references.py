"""Reference sentences from whatever file they come in, by clip name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from skeletor.errors import InputError
from slt.corpus.layout import protocol_text, read_annotation


def read_references(path: Path, names: Sequence[str], as_is: bool = False) -> dict[str, str]:
    """Clip name to sentence, in the file's order.

    .csv: PHOENIX14T's annotation (`|` between columns, always in the protocol's form); .json: an object of names and
    sentences, or of names and objects with a "text"; .tsv: name, tab, sentence; .pt: SLRTP 2025; anything else: one
    sentence a line, in the order of `names`.
    as_is: sentences as they stand; else in the protocol's form (lower case, a final " ." token), as the model's are.
    Raises InputError, one line, if the file is none of these, or if there is an empty sentence.
    """
    found = _read(path, names)
    empty = [name for name, text in found.items() if not text.strip()]
    if empty or not found:
        raise InputError(f"{path}: " + (f"the sentence of {empty[0]} is empty" if empty else "holds no sentences"))
    return {name: " ".join(text.split()) if as_is else protocol_text(text) for name, text in found.items()}


def _read(path: Path, names: Sequence[str]) -> dict[str, str]:
    kind = path.suffix.lower()
    if kind == ".csv":
        clips, faults = read_annotation(path, "", None)
        if faults:
            raise InputError(f"{path}: {faults[0]}")
        return {clip.name: clip.text for clip in clips}
    if kind == ".pt":
        from skeletor.io.slrtp import Clips

        return Clips(path).texts()
    text = _text(path)
    if kind == ".json":
        return _from_json(text, path)
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if kind == ".tsv":
        return _from_tsv(lines, path)
    if len(lines) != len(names):
        raise InputError(f"{path}: has {len(lines)} lines, there are {len(names)} clips; give one line each, by name")
    return dict(zip(names, lines, strict=True))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a file of reference sentences") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from error


def _from_json(text: str, path: Path) -> dict[str, str]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    if isinstance(values, dict):
        found = {name: value.get("text") if isinstance(value, dict) else value for name, value in values.items()}
        texts = {name: sentence for name, sentence in found.items() if isinstance(sentence, str)}
        if len(texts) == len(found):
            return texts
    raise InputError(f"{path}: expected an object of clip names and sentences")


def _from_tsv(lines: Sequence[str], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        if len(fields) != 2:
            raise InputError(f"{path}: line {number} has {len(fields)} fields, expected name, tab, sentence")
        if number == 1 and fields == ["name", "text"]:
            continue
        if fields[0] in found:
            raise InputError(f"{path}: line {number}: clip {fields[0]} stands twice")
        found[fields[0]] = fields[1]
    return found
