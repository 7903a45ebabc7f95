"""Gloss2Text by consensus: what trained models draw of glosses, and which of it is taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.support.progress import log
from slt.pipeline.cache.stage import Done, read_json, run_stage
from slt.translate.consensus import ConsensusConfig, Drawn, Gain, tune

Pool = Mapping[str, Sequence[Sequence[str]]]  # split -> for each sentence, all its translations


def drawn(
    name: str, model: Path, glosses: Mapping[str, Sequence[Sequence[str]]], config: ConsensusConfig, where: Path,
    inputs: Sequence[Done | str],
) -> Pool:  # fmt: skip
    """The translations that a model draws of the glosses of each split: a stage in the folder `where`.

    model: its folder. inputs: what the model depends on, as of `run_stage`.
    """

    def work(out: Path) -> None:
        from slt.translate.samples import samples
        from slt.translate.translator import Translator

        translator = Translator.load(model)
        made = {split: samples(translator, g, config.samples, config.least) for split, g in glosses.items()}
        write_text(out / "drawn.json", json.dumps(made, ensure_ascii=False))

    values = {"samples": config.samples, "least": config.least}
    plain = hashlib.sha256(json.dumps(glosses, sort_keys=True).encode()).hexdigest()
    stage = run_stage(name, where, work, values, [*inputs, plain], code=("slt.translate.samples",))
    pool: Pool = read_json(stage.folder / "drawn.json")
    return pool


def agreed(
    pools: Sequence[Pool], config: ConsensusConfig, references: Sequence[str]
) -> tuple[dict[str, list[str]], Gain]:
    """split -> translations by consensus of all that was drawn, and the gain. references: of dev, which chooses it."""
    found = {
        split: [
            Drawn.of([text for texts in several for text in texts])
            for several in zip(*(pool[split] for pool in pools), strict=True)
        ]
        for split in pools[0]
    }
    gain, bleu = tune(found["dev"], references, config)
    log.info("consensus of %d: decay %g, cost %g, dev BLEU-4 %.2f", len(pools), gain.decay, gain.cost, bleu)
    return {split: [one.best(gain) for one in found[split]] for split in found}, gain
