"""Work of a stage: several recognisers and Gloss2Text models as one system, with what is chosen for them on dev."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skeletor.io.store import open_store
from slt.data.layout import Clip
from slt.pipeline.work.readers.train_translator import RECOGNISED, write_outputs

if TYPE_CHECKING:
    from slt.recognise.ensemble.recognisers import Recognisers
    from slt.recognise.recogniser import Recogniser

SPLITS = ("dev", "test")
Glosses = dict[str, dict[str, tuple[str, ...]]]  # split -> clip -> what was read


def translate_ensemble(
    readers: Sequence[Path], store: Path, models: Sequence[Path], clips: Mapping[str, Sequence[Clip]], out: Path
) -> None:
    """Write `out/{dev,test}-glosses.json`, `out/{dev,test}.json` (clip -> text), and the system into `out/model/`.

    readers: folders of recognisers of one row, whose skeletons lie in `store` by split. models: of Gloss2Text.
    Raises InputError for such as cannot read together.
    """
    from slt.recognise.cascade import Cascade
    from slt.recognise.ensemble.translators import Translators
    from slt.translate.translator import Translator

    recognisers, glosses = read_ensemble([(folder, store) for folder in readers], clips)
    translators = Translators.of([Translator.load(model) for model in models])
    dev = [clip for clip in clips["dev"] if clip.name in glosses["dev"]]
    translators = translators.tuned([glosses["dev"][clip.name] for clip in dev], [clip.text for clip in dev])
    for split, read in glosses.items():
        texts = [h.text for h in translators.translate_glosses(list(read.values()))]
        write_outputs(out, split + RECOGNISED, read)
        write_outputs(out, split, dict(zip(read, texts, strict=True)))
    Cascade(recognisers, translators).save(out / "model", models[0])


def read_ensemble(
    members: Sequence[tuple[Path, Path]], clips: Mapping[str, Sequence[Clip]]
) -> tuple[Recognisers, Glosses]:
    """Recognisers that read the same clips, each the skeletons of its own; and what they read of dev and test.

    members: folders of a recogniser and of its skeletons by split. How their mean is read is chosen on dev. Clips are
    those whose skeletons all have. Raises InputError for members that cannot read together.
    """
    from slt.recognise.decoding.decode import read
    from slt.recognise.ensemble.recognisers import Recognisers
    from slt.recognise.labels import UNKNOWN
    from slt.recognise.recogniser import Recogniser

    readers = Recognisers.of([Recogniser.load(folder) for folder, _ in members])
    stores = [store for _, store in members]
    shared = {split: _shared(stores, split, clips[split]) for split in SPLITS}
    found = {split: _log_probabilities(readers.members, stores, split, shared[split]) for split in SPLITS}
    numbers = {gloss: k + 1 for k, gloss in enumerate(readers.glosses)}
    true = [tuple(numbers.get(g, UNKNOWN) for g in c.glosses) for c in shared["dev"]]
    readers = readers.tuned(found["dev"], true)
    glosses = {
        split: {
            clip.name: tuple(readers.glosses[k - 1] for k in read(one, readers.trigram, readers.reading))
            for clip, one in zip(shared[split], found[split], strict=True)
        }
        for split in SPLITS
    }
    return readers, glosses


def _shared(stores: Sequence[Path], split: str, clips: Sequence[Clip]) -> list[Clip]:
    """The clips whose skeletons all stores have."""
    there = [set(open_store(store / split)) for store in stores]
    return [clip for clip in clips if all(clip.name in names for names in there)]


def _log_probabilities(
    readers: Sequence[Recogniser], stores: Sequence[Path], split: str, clips: Sequence[Clip]
) -> list[np.ndarray]:
    """(T', 1 + glosses) of each clip: the members' mean, each of the skeletons that it reads."""
    from slt.recognise.ensemble.recognisers import mean

    each = []
    for reader, store in zip(readers, stores, strict=True):
        poses = open_store(store / split)
        each.append(reader.log_probabilities([poses[clip.name] for clip in clips]))
    return [mean(log_probs) for log_probs in zip(*each, strict=True)]
