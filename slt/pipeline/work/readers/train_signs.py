"""Work of the stages of isolated signs: training on a row's poses, and on all signers but some."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.io.store import open_store
from skeletor.support.errors import InputError
from slt.data import layout
from slt.pipeline.work.readers.lengths import tell_long
from slt.pipeline.work.readers.train_translator import write_outputs
from slt.recognise.config import RecogniserConfig

if TYPE_CHECKING:
    from slt.recognise.train import GlossClip

TOP = "-top"  # of the files with the guesses for the clips of a split, best first
HELD_OUT = "held-out"
_CALIBRATION = 16  # clips; where signers are left out only the order of the guesses counts, which it does not change


def train_on_signs(
    store: Path, corpus: layout.Corpus, config: RecogniserConfig, seed: int, label: str, out: Path
) -> None:
    """Train on `store/<split>/`; write `out/model/` and the guesses, `out/{dev,test}-top.json`.

    label: of the row, for the error. Raises InputError if no poses of train or dev are left.
    """
    from skeletor.support.devices import process_rank
    from slt.recognise.isolated import train_signs

    clips = {split: _clips(store, corpus, split) for split in layout.SPLITS}
    if not clips["train"] or not clips["dev"]:
        raise InputError(f"{label}: no poses for train or dev are left; see the log for the clips left out")
    (out / "model").mkdir(parents=True, exist_ok=True)
    train, dev = ([(clip.name, clip.pose) for clip in clips[split]] for split in ("train", "dev"))
    tell_long(train, dev)
    reader = train_signs(clips["train"], clips["dev"], config, out / "model", seed)
    if process_rank():
        return  # one process does the rest
    for split in ("dev", "test"):
        found = reader.top([clip.pose for clip in clips[split]])
        guesses = {c.name: [one.label for one in some] for c, some in zip(clips[split], found, strict=True)}
        write_outputs(out, split + TOP, guesses)


def leave_signers_out(
    store: Path, corpus: layout.Corpus, config: RecogniserConfig, seed: int, held_out: Collection[str], out: Path
) -> None:
    """Train on the clips of all signers but `held_out`, of whichever split; write the guesses for those of
    `held_out`, `out/held-out-top.json`. Where there is nothing to train on or to guess, the file holds none.

    It is learned as in `train_on_signs`: where dev's signers are not in train, some of the other signers say here, too,
    how long (`other_people`), if there are enough.
    """
    from skeletor.support.devices import process_rank
    from slt.recognise.isolated import other_people, train_signs

    speakers = {clip.name: clip.speaker for clip in corpus.clips}
    clips = [clip for split in layout.SPLITS for clip in _clips(store, corpus, split)]
    known = [clip for clip in clips if speakers[clip.name] not in held_out]
    new = [clip for clip in clips if speakers[clip.name] in held_out]
    guesses: dict[str, list[str]] = {}
    if new and len({clip.glosses for clip in known}) > 1:
        (out / "model").mkdir(parents=True, exist_ok=True)
        apart = other_people([speakers[clip.name] for clip in known])
        some = [clip for clip, is_dev in zip(known, apart, strict=True) if not is_dev]
        dev = [clip for clip, is_dev in zip(known, apart, strict=True) if is_dev]
        mixed = {c.speaker for c in corpus.split("dev")} & {c.speaker for c in corpus.split("train")}
        if mixed or not dev or len({clip.glosses for clip in some}) < len({clip.glosses for clip in known}):
            some, dev = known, known[:_CALIBRATION]  # a label that one signer alone has is to be learned, too
        reader = train_signs(some, dev, config, out / "model", seed)
        found = reader.top([clip.pose for clip in new])
        guesses = {c.name: [one.label for one in some] for c, some in zip(new, found, strict=True)}
    if not process_rank():
        write_outputs(out, HELD_OUT + TOP, guesses)


def _clips(store: Path, corpus: layout.Corpus, split: str) -> list[GlossClip]:
    """The clips of a split that have poses, each with its label as its one gloss."""
    from slt.recognise.train import GlossClip

    poses = open_store(store / split)
    return [GlossClip(c.name, poses[c.name], (c.text,)) for c in corpus.split(split) if c.name in poses]
