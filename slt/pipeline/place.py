"""The folder of a run: what others have put there is not written over."""

from __future__ import annotations

from pathlib import Path

from skeletor.files.keyed import MARKER, require_own
from skeletor.support.errors import InputError
from slt.inference.model_files import CONFIG as MODEL_CONFIG
from slt.pipeline.cache.stage import DONE, read_json

CONFIG = "config.json"
BAD_CLIPS = "bad_clips.tsv"  # which clips have no pose, and why
MODEL = "model"
CLIPS, ESTIMATED, LIFTED = "clips", "estimated", "lifted"
_REPORTS = tuple(f"{name}.{kind}" for name in ("table", "report") for kind in ("csv", "html", "json", "md"))
_FILES = (CONFIG, "versions.json", BAD_CLIPS, "review.json", *_REPORTS)
_FOLDERS = {CLIPS: MARKER, ESTIMATED: DONE, LIFTED: DONE, MODEL: MODEL_CONFIG}  # which every run has -> its marker


def require_place(folder: Path) -> None:
    """Raises InputError if a run in this folder would write over, or empty, what no run has made.

    A run is known by its config. Told before hours of work; other stages look at their own folders, see `run_stage`.
    """
    if not {"lift", "translate"} <= read_json(folder / CONFIG).keys():
        other = next((name for name in _FILES if (folder / name).exists()), None)
        if other is not None:
            raise InputError(f"{folder}: holds a {other} that is of no run and would be lost; give another --run-dir")
    for name, marker in _FOLDERS.items():
        require_own(folder / name, marker)
