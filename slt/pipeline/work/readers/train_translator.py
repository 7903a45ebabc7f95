"""Work of a stage: one translator trained, and dev and test translated by it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.support.errors import InputError
from slt.data import layout
from slt.pipeline.work.readers.lengths import tell_long
from slt.translate.config import TranslateConfig

RECOGNISED = "-glosses"  # in the name of a file of recognised glosses


def train_on_poses(
    store: Path, corpus: layout.Corpus, config: TranslateConfig, seed: int, label: str, out: Path
) -> None:
    """Train on `store/<split>/`, decode, write `out/model/` and `out/{dev,test}.json` (clip name -> text).

    label: of the row, for the error. Raises InputError if no poses of train or dev are left.
    """
    from skeletor.support.devices import process_rank
    from slt.translate.joey.batches import Example
    from slt.translate.train import train_translator
    from slt.translate.translator import Translator

    stores = {split: open_store(store / split) for split in layout.SPLITS}
    clips = {s: [(c, poses[c.name]) for c in corpus.split(s) if c.name in poses] for s, poses in stores.items()}
    left_out = math.inf if config.max_frames is None else (config.max_frames + 0.5) / config.fps  # rounded, as there
    train, dev = ([(clip.name, pose) for clip, pose in clips[split]] for split in ("train", "dev"))
    tell_long(train, dev, left_out)
    examples = {s: [Example(c.name, pose, c.text, c.glosses) for c, pose in some] for s, some in clips.items()}
    if not examples["train"] or not examples["dev"]:
        raise InputError(f"{label}: no poses for train or dev are left; see the log for the clips left out")
    train_translator(examples["train"], examples["dev"], config, out / "model", seed, "auto")
    if process_rank():
        return  # one process does the rest
    translator = Translator.load(out / "model")
    for split in ("dev", "test"):
        names = [example.name for example in examples[split]]
        texts = [h.text for h in translator.translate([stores[split][n] for n in names])]
        write_outputs(out, split, dict(zip(names, texts, strict=True)))
        if translator.recognised:
            glosses = translator.recognise([stores[split][n] for n in names])
            write_outputs(out, split + RECOGNISED, dict(zip(names, glosses, strict=True)))


def train_on_glosses(corpus: layout.Corpus, config: TranslateConfig, seed: int, out: Path) -> None:
    """Train on the true glosses; writes the files that `train_on_poses` writes.

    Raises InputError as `train_gloss2text`.
    """
    from skeletor.support.devices import process_rank
    from slt.translate.train import train_gloss2text
    from slt.translate.translator import Translator

    splits = {split: corpus.split(split) for split in layout.SPLITS}
    train_gloss2text(
        [(c.glosses, c.text) for c in splits["train"]],
        [(c.glosses, c.text) for c in splits["dev"]],
        config,
        out / "model",
        seed,
    )
    if process_rank():
        return  # one process does the rest
    translator = Translator.load(out / "model")
    for split in ("dev", "test"):
        texts = [h.text for h in translator.translate_glosses([c.glosses for c in splits[split]])]
        write_outputs(out, split, {c.name: t for c, t in zip(splits[split], texts, strict=True)})


def write_outputs(out: Path, split: str, texts: Mapping[str, str] | Mapping[str, Sequence[str]]) -> None:
    """Write `out/<split>.json`: clip name -> text or glosses."""
    write_text(out / f"{split}.json", json.dumps(texts, indent=0, ensure_ascii=False))
