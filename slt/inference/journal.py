"""What a long recording has come to so far, in files, for a run that goes on where one before it was killed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from skeletor.files.atomic import write_text
from skeletor.poses.pose import Provenance
from skeletor.support.errors import InputError
from slt.inference.sentences import Sentence

_SENTENCES: TypeAdapter[list[Sentence]] = TypeAdapter(list[Sentence])


class FileJournal:
    """A file of JSON for each group of sentences. key: of all that decides them; files of another key are not read."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, hashlib.sha256(key.encode()).hexdigest()

    def read(self, number: int) -> tuple[list[Sentence], Provenance] | None:
        """Sentences and provenance of a group; None if they are not there, are another key's, or cannot be read."""
        try:
            stored = json.loads(self._file(number).read_text(encoding="utf-8"))
            if stored["key"] != self._key:
                return None
            return _SENTENCES.validate_python(stored["sentences"]), Provenance.from_json(stored["provenance"])
        except (OSError, ValueError, TypeError, KeyError, ValidationError, InputError):
            return None

    def write(self, number: int, sentences: Sequence[Sentence], provenance: Provenance) -> None:
        """Keep them, written whole."""
        plain = _SENTENCES.dump_python(list(sentences), mode="python")
        content = {"key": self._key, "sentences": plain, "provenance": provenance.to_json()}
        write_text(self._file(number), json.dumps(content, ensure_ascii=False))

    def _file(self, number: int) -> Path:
        return self._folder / f"sentences-{number:05d}.json"
