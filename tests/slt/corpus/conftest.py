"""A small invented annotation with frame alignments, in the exact format of the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from slt.corpus import layout

Annotation = Callable[..., Path]
_GLOSSES = ("REGEN", "REGEN-PLUSPLUS", "NORD", "loc-NORD", "NORDRAUM", "SONNE", "WOLKE", "MORGEN", "IX", "neg-VIEL")
_PLAIN = {"REGEN-PLUSPLUS": "REGEN", "loc-NORD": "NORD", "NORDRAUM": "NORD"}


@pytest.fixture
def shared() -> Path:
    """The real annotation's folder of data; skips where it is absent."""
    folder = Path(__file__).parents[4] / "shared" / "data"
    if not (folder / "phoenix14t_annotations").is_dir():
        pytest.skip(f"{folder} is absent")
    return folder


@pytest.fixture(scope="session")
def annotation(tmp_path_factory: pytest.TempPathFactory) -> Annotation:
    """annotation(train=6, dev=2, test=2, seed=0): a folder of annotation with alignments."""

    def make(train: int = 6, dev: int = 2, test: int = 2, seed: int = 0) -> Path:
        folder = tmp_path_factory.mktemp("annotation")
        rng = np.random.default_rng(seed)
        for split, count in (("train", train), ("dev", dev), ("test", test)):
            rows, frames, segments = ["|".join(layout.COLUMNS)], [], []
            for k in range(count):
                name = f"{split}-heute-{k}"
                spans = _spans(rng)
                glosses = [_PLAIN.get(g, g) for g, _ in spans if g and not g.startswith("__")]
                rows.append(f"{name}|{name}/1/*.png|-1|-1|Signer0{1 + k % 3}|{' '.join(glosses)}|regen im norden {k}")
                states, start = [], 0
                for gloss, length in spans:
                    number = 3 * (1 + _GLOSSES.index(gloss)) if gloss in _GLOSSES else 99 if gloss else -2
                    states += [0 if not gloss else number + 1] * length
                    segments.append(f"{name}\t{start}\t{start + length - 1}\t{number // 3 if gloss else -1}\t{gloss}")
                    start += length
                hands = np.repeat(rng.integers(0, 61, start // 5 + 1), 5)[:start]
                columns = (name, start, " ".join(map(str, states)), " ".join(["0"] * start), " ".join(map(str, hands)))
                frames.append("\t".join(map(str, columns)))
            write(folder / f"PHOENIX-2014-T.{split}.corpus.csv", rows)
            head = "name\tnum_frames\tgloss_state_pami0\tmouth_pami1\thand_pami2"
            write(folder / f"PHOENIX-2014-T.{split}.frames_alignments.tsv", [head, *frames])
            head = "name\tstart_frame\tend_frame\tclass_id\tgloss_complex"
            write(folder / f"gloss_segments.{split}.tsv", [head, *segments])
        return folder

    return make


def write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _spans(rng: np.random.Generator) -> list[tuple[str, int]]:
    """A few signs between a raising and a sinking of the hands."""
    signs = [(str(rng.choice(_GLOSSES)), int(rng.integers(3, 14))) for _ in range(rng.integers(2, 4))]
    return [("__ON__", 4), *signs, ("", 2), ("__OFF__", 5)]
