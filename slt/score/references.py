"""Reference sentences from whatever file they come in, by clip name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from skeletor.support.errors import InputError
from slt.data.layout import protocol_text
from slt.data.tables import Row, nfc, read_rows, read_text

_ADVICE = "give a file of reference sentences"
_NAMES = ("name", "clip", "id", "video", "file")  # headings of a column of names, the first that is there
_TEXTS = ("translation", "text", "sentence", "reference")
_SPLIT = "split"


def read_references(
    path: Path, names: Sequence[str], as_is: bool = False, aliases: Sequence[str] = ()
) -> dict[str, str]:
    """Clip name to sentence, both in NFC, in the file's order.

    .csv: PHOENIX14T's annotation, or any table with the columns name and text (or translation, sentence), between
    `|`, tabs, semicolons or commas, quoted or not; .json: an object of names and sentences, or of names and objects
    with a "text"; .tsv: name, tab, sentence, with a heading or without, or a table as .csv, as the `clips.tsv` of one's
    own data; .pt: SLRTP 2025; anything else: one sentence a line, in the order of `names`. Of a table with a column
    split, those splits are meant that one of `names` (or else of `aliases`) is in.
    aliases: what else the clips may be called, for the splits.
    as_is: sentences as they stand; else in the protocol's form (lower case, a final " ." token), as the model's are
    (PHOENIX14T's annotation always is).
    Raises InputError, one line, if the file is none of these, or if there is an empty sentence.
    """
    found, in_protocol = _read(path, names, aliases)
    empty = [name for name, text in found.items() if not text.strip()]
    if empty or not found:
        raise InputError(f"{path}: " + (f"the sentence of {empty[0]} is empty" if empty else "holds no sentences"))
    whole = as_is and not in_protocol
    return {name: " ".join(nfc(text).split()) if whole else protocol_text(text) for name, text in found.items()}


def _read(path: Path, names: Sequence[str], aliases: Sequence[str]) -> tuple[dict[str, str], bool]:
    """Names and sentences, and whether those are to be in the protocol's form whatever was asked for."""
    kind = path.suffix.lower()
    if kind == ".pt":
        from skeletor.io.read_only.slrtp import Clips

        return {nfc(name): text for name, text in Clips(path).texts().items()}, False
    text = read_text(path, _ADVICE)
    if kind == ".csv":
        return _from_table(read_rows(text), path, (names, aliases))
    if kind == ".json":
        return _from_json(text, path), False
    if kind == ".tsv":
        rows = read_rows(text, ("\t",))
        return _from_table(rows, path, (names, aliases)) if _is_table(rows) else (_from_tsv(rows, path), False)
    lines = text.removesuffix("\n").split("\n")
    if len(lines) != len(names):
        raise InputError(f"{path}: has {len(lines)} lines, there are {len(names)} clips; give one line each, by name")
    return dict(zip(map(nfc, names), lines, strict=True)), False


def _heading(rows: Sequence[Row]) -> tuple[list[str], str | None, str | None]:
    """The names of the columns, and of those of the clips' names and the sentences, None for one that is not there."""
    heading = [field.strip().lower() for field in rows[0].fields] if rows else []
    name, sentence = (next((h for h in known if h in heading), None) for known in (_NAMES, _TEXTS))
    return heading, name, sentence


def _is_table(rows: Sequence[Row]) -> bool:
    """Whether there are columns beside name and sentence, and a first line that names these two."""
    heading, name, sentence = _heading(rows)
    return len(heading) > 2 and name is not None and sentence is not None


def _from_table(rows: Sequence[Row], path: Path, called: Sequence[Sequence[str]]) -> tuple[dict[str, str], bool]:
    """called: names of the clips, then other names of theirs; the first that are in the table choose its splits."""
    heading, name, sentence = _heading(rows)
    if name is None or sentence is None:
        raise InputError(f"{path}: the first line must name the columns, at least name and translation (or text)")
    found: dict[str, str] = {}
    splits: dict[str, str] = {}
    for row in rows[1:]:
        if len(row.fields) != len(heading):
            raise InputError(f"{path}: line {row.number} has {len(row.fields)} fields, expected {len(heading)}")
        values = dict(zip(heading, row.fields, strict=True))
        _add(found, values[name], values[sentence], path, row.number)
        splits[nfc(values[name].strip())] = values.get(_SPLIT, "").strip()
    there = ({splits[one] for one in map(nfc, names) if one in splits} for names in called)
    meant = next(filter(None, there), set(splits.values()))
    found = {one: text for one, text in found.items() if splits[one] in meant}
    return found, {"orth", "translation"} <= set(heading)


def _from_json(text: str, path: Path) -> dict[str, str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({str(error)[:100]})") from error
    if isinstance(values, dict):
        found = {nfc(name): value.get("text") if isinstance(value, dict) else value for name, value in values.items()}
        texts = {name: sentence for name, sentence in found.items() if isinstance(sentence, str)}
        if len(texts) == len(found):
            return texts
    raise InputError(f"{path}: expected an object of clip names and sentences")


def _from_tsv(rows: Sequence[Row], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for first, row in enumerate(rows):
        if len(row.fields) != 2:
            raise InputError(f"{path}: line {row.number} has {len(row.fields)} fields, expected name, tab, sentence")
        name, sentence = row.fields
        if first == 0 and name.strip().lower() in _NAMES and sentence.strip().lower() in _TEXTS:
            continue
        _add(found, name, sentence, path, row.number)
    return found


def _add(found: dict[str, str], name: str, sentence: str, path: Path, line: int) -> None:
    name = nfc(name.strip())
    if name in found:
        raise InputError(f"{path}: line {line}: clip {name} stands twice")
    found[name] = sentence
