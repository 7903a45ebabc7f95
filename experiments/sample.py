"""The model and the clip that come with the package: those of a finished demo run.

`slt/models/rendered` is the model folder of the run, `examples/forecast.mp4` the first of its test clips, and
`examples/forecast.json` what is signed in it and what the model makes of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from experiments.request import ROOT, Request
from skeletor.files.atomic import atomic_path, write_text
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data.layout import read_corpus
from slt.inference.chain import SHIPPED, load_chain
from slt.inference.model_files import CARD, CONFIG, SCORES, read_model_config

CLIP = Path("examples") / "forecast.mp4"
MOST = 10_000_000  # bytes of the model


class SampleConfig(Config):
    """model: where the model goes. clip: where the clip goes; what is signed in it lies beside it, as JSON."""

    model: str = str(SHIPPED)
    clip: str = str(ROOT / CLIP)


def make(request: Request, config: SampleConfig) -> None:
    """Copy the model and the clip, and translate it. InputError if the run is not finished, or the model too large."""
    run, target = request.finished, Path(config.model)
    stored = read_model_config(run / "model")
    names = [CONFIG, *stored["files"], *(name for name in (CARD, SCORES) if (run / "model" / name).is_file())]
    size = sum((run / "model" / name).stat().st_size for name in dict.fromkeys(names))
    if size > MOST:
        raise InputError(f"{run / 'model'}: has {size:,} bytes, at most {MOST:,} come with the package")
    shutil.rmtree(target, ignore_errors=True)
    for name in dict.fromkeys(names):
        _copy(run / "model" / name, target / name)
    corpus = read_corpus(run / "corpus")
    first = corpus.split("test")[0]
    clip = Path(config.clip)
    if first.source is None:
        raise InputError(f"{run}: its test clips have no pixels; give a run of configs/demo.yaml")
    _copy(first.source, clip)
    found = load_chain(target, device="cpu").translate(clip)
    about = {
        "clip": first.name,
        "glosses": list(first.glosses),
        "signed": first.text.removesuffix(" ."),
        "translated": found.text,
        "command": "make pipeline && make sample",
    }
    write_text(clip.with_suffix(".json"), json.dumps(about, ensure_ascii=False, indent=1) + "\n")
    log.info("%s: %r is translated as %r", clip, first.text, found.text)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
