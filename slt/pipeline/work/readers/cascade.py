"""Work of two stages: a recogniser of glosses trained on a row's poses, and what Gloss2Text makes of its glosses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from skeletor.io.store import open_store
from skeletor.support.errors import InputError
from slt.data import layout
from slt.pipeline.work.readers.lengths import tell_long
from slt.pipeline.work.readers.train_translator import RECOGNISED, write_outputs
from slt.recognise.config import RecogniserConfig


def train_on_glosses_of_poses(
    store: Path, corpus: layout.Corpus, annotations: Path, config: RecogniserConfig, seed: int, label: str, out: Path
) -> None:
    """Train on `store/<split>/`; write `out/recogniser.safetensors` and what it reads, `out/{dev,test}-glosses.json`.

    annotations: folder of the corpus' alignments, which are used if they are there. label: of the row, for the error.
    Raises InputError if no poses of train or dev are left, or a clip has no glosses.
    """
    from skeletor.support.devices import process_rank
    from slt.recognise.labels import aligned_spans
    from slt.recognise.train import GlossClip, train_recogniser

    stores = {split: open_store(store / split) for split in layout.SPLITS}
    spans = aligned_spans(corpus.split("train"), annotations, "train")
    clips = {
        split: [
            GlossClip(c.name, poses[c.name], c.glosses, spans.get(c.name, ()) if split == "train" else ())
            for c in corpus.split(split)
            if c.name in poses
        ]
        for split, poses in stores.items()
    }
    if not clips["train"] or not clips["dev"]:
        raise InputError(f"{label}: no poses for train or dev are left; see the log for the clips left out")
    train, dev = ([(clip.name, clip.pose) for clip in clips[split]] for split in ("train", "dev"))
    tell_long(train, dev)
    recogniser = train_recogniser(clips["train"], clips["dev"], config, out, seed, "auto")
    if process_rank():
        return  # one process does the rest
    for split in ("dev", "test"):
        glosses = recogniser.recognise([clip.pose for clip in clips[split]])
        write_outputs(out, split + RECOGNISED, {c.name: g for c, g in zip(clips[split], glosses, strict=True)})


def translate_recognised(
    recogniser: Path | None, model: Path, glosses: Mapping[str, Mapping[str, Sequence[str]]], out: Path
) -> None:
    """Write `out/{dev,test}.json`: what a Gloss2Text model makes of recognised glosses (split -> clip -> glosses).

    recogniser: folder of the one that read them; both then lie in `out/model/`, as one system. None: it was a gloss
    head, and there is none to keep.
    """
    from slt.recognise.cascade import Cascade
    from slt.recognise.recogniser import Recogniser
    from slt.translate.translator import Translator

    translator = Translator.load(model)
    for split, clips in glosses.items():
        texts = [h.text for h in translator.translate_glosses(list(clips.values()))]
        write_outputs(out, split, dict(zip(clips, texts, strict=True)))
    if recogniser is not None:
        Cascade(Recogniser.load(recogniser), translator).save(out / "model", model)
