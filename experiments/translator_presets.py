"""Presets of the translator, and parts of `ctc` alone, at the same number of updates on the poses of a finished run.

    .venv/bin/python -m experiments.translator_presets runs/demo --store refined/skeletor-motion --updates 1500 \
        [--systems ctc "demo gloss_weight=1.0"] [--seeds 1 2 3] [--work scratch/presets] [-o FILE.md]

A system is a preset and values that change it. Trainings lie in the work folder; finished ones are not made again.
Prints BLEU-4 of dev and test, the word error rate of recognised glosses, and the time of a training on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.support.config import check_config, read_overrides
from slt.data import layout
from slt.score.scores import score
from slt.score.wer import word_error_rate
from slt.translate.config import TranslateConfig
from slt.translate.joey.batches import Example
from slt.translate.train import train_translator
from slt.translate.translator import Translator

SYSTEMS = ("demo", "demo gloss_weight=1.0", "demo streams=true width=64", "ctc gloss_weight=0.0", "ctc")


@dataclass(frozen=True)
class Trained:
    """One training: BLEU-4 with its 95 % interval, gloss WER or None, updates, seconds on one core."""

    system: str
    seed: int
    dev: float
    dev_interval: tuple[float, float]
    test: float
    test_interval: tuple[float, float]
    wer_dev: float | None
    wer_test: float | None
    updates: int
    seconds: float
    too_short: int


def train(
    system: str, seed: int, examples: Mapping[str, Sequence[Example]], updates: int, every: int, out: Path
) -> Trained:
    """Train one system, or take what a finished training gave."""
    done = out / "trained.json"
    if done.exists():
        return Trained(**json.loads(done.read_text(encoding="utf-8")))
    preset, *changes = system.split()
    budget = {"max_updates": updates, "validate_every": every, "validation_sentences": len(examples["dev"])}
    config = check_config({"preset": preset, **budget, **read_overrides(changes)}, TranslateConfig, system)
    result = train_translator(examples["train"], examples["dev"], config, out, seed, "cpu")
    translator = Translator.load(out, "cpu")
    poses, glosses = [e.pose for e in examples["test"]], [e.glosses for e in examples["test"]]
    test = score([h.text for h in translator.translate(poses)], [e.text for e in examples["test"]])
    wer = word_error_rate(translator.recognise(poses), glosses) if translator.recognised else None
    trained = Trained(
        system, seed, result.dev.bleu4, result.dev.intervals["bleu4"], test.bleu4, test.intervals["bleu4"],
        result.dev.wer, wer, result.updates, result.seconds, result.too_short,
    )  # fmt: skip
    write_text(done, json.dumps(asdict(trained)))
    return trained


def markdown(rows: Sequence[Trained]) -> str:
    """One line a system: means over its seeds, deviations where there are several."""
    lines = ["| system | seeds | dev BLEU-4 | test BLEU-4 | gloss WER dev | test | s |",
             "|---|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    for system in dict.fromkeys(row.system for row in rows):
        mine = [row for row in rows if row.system == system]
        cells = [_mean([getattr(row, name) for row in mine]) for name in ("dev", "test", "wer_dev", "wer_test")]
        lines.append(f"| {system} | {len(mine)} | {' | '.join(cells)} | {np.mean([r.seconds for r in mine]):.0f} |")
    return "\n".join(lines) + "\n"


def _mean(values: Sequence[float | None]) -> str:
    numbers = [value for value in values if value is not None]
    if not numbers:
        return ""
    spread = f" ± {np.std(numbers, ddof=1):.2f}" if len(numbers) > 1 else ""
    return f"{np.mean(numbers):.2f}{spread}"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished `slt run`")
    parser.add_argument("--store", default="refined/skeletor-motion", help="poses, a folder of the run")
    parser.add_argument("--systems", nargs="+", default=SYSTEMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--updates", type=int, default=1500)
    parser.add_argument("--validate-every", type=int, default=300)
    parser.add_argument("--work", type=Path, default=Path("scratch/presets"))
    parser.add_argument("-o", "--output", type=Path, help="Markdown; the single trainings go beside it as .json")
    args = parser.parse_args()
    corpus = layout.read_corpus(args.run / "corpus")
    stores = {split: open_store(args.run / args.store / split) for split in layout.SPLITS}
    examples = {
        split: [Example(c.name, store[c.name], c.text, c.glosses) for c in corpus.split(split) if c.name in store]
        for split, store in stores.items()
    }
    rows: list[Trained] = []
    for seed in args.seeds:
        for system in args.systems:
            name = f"{args.store}-{args.updates}-{system}-{seed}".replace("/", "_").replace(" ", "_")
            rows.append(train(system, seed, examples, args.updates, args.validate_every, args.work / name))
            print(json.dumps(asdict(rows[-1])), flush=True)
            if args.output:
                sizes = ", ".join(f"{len(found)} {split}" for split, found in examples.items())
                about = f"{args.store}: {sizes} clips; {args.updates} updates, validated each {args.validate_every}\n\n"
                write_text(args.output, about + markdown(rows))
                write_text(args.output.with_suffix(".json"), json.dumps([asdict(row) for row in rows], indent=1))
    print(markdown(rows))


if __name__ == "__main__":
    main()
