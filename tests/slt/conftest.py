"""A small data set in the exact layout of PHOENIX14T's release, pictures and all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from slt.data import layout

Release = Callable[..., Path]


def write_frames(folder: Path, count: int, size: tuple[int, int] = (210, 260), suffix: str = ".png") -> None:
    folder.mkdir(parents=True)
    for k in range(1, count + 1):
        ramp = np.add.outer(np.arange(size[1]), np.arange(size[0])) + 7 * k
        picture = np.stack([ramp % 251, ramp % 241, ramp % 239], axis=-1).astype(np.uint8)
        assert cv2.imwrite(str(folder / f"images{k:04d}{suffix}"), picture)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """release(level="1", features=..., size=...): the folder of an archive with two train, one dev and test clip."""

    def make(level: str = "", features: str = layout.FEATURES, size: tuple[int, int] = (210, 260)) -> Path:
        top = tmp_path / "PHOENIX-2014-T-release-v3"
        root = top / "PHOENIX-2014-T"
        rows = {
            "train": [("heute-1", "Signer01", "MORGEN REGEN NORD", "morgen regen im norden ."),
                      ("heute-2", "Signer02", "SONNE", "viel sonne .")],
            "dev": [("tagesschau-3", "Signer01", "REGEN NORD", "regen im norden .")],
            "test": [("tagesschau-4", "Signer02", "SONNE SUED", "viel sonne .")],
        }  # fmt: skip
        for split, clips in rows.items():
            layout.write_annotation(
                root, split, [layout.Clip(n, split, None, s, tuple(g.split()), t) for n, s, g, t in clips]
            )
            for number, (name, *_) in enumerate(clips):
                write_frames(root / "features" / features / split / name / level, 3 + number, size)
        plain = layout.annotation_path(root, "train")
        complex_ = plain.with_name("PHOENIX-2014-T.train-complex-annotation.corpus.csv")
        complex_.write_text(plain.read_text(encoding="utf-8").replace("|SONNE|", "|__ON__ loc-SONNE __OFF__|"))
        return top

    return make


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the toy language; not to be changed."""
    from tests.slt.toy import toy_model  # torch takes seconds to load, most tests need none

    return toy_model(tmp_path_factory)


Annotation = Callable[..., Path]
_GLOSSES = ("REGEN", "REGEN-PLUSPLUS", "NORD", "loc-NORD", "NORDRAUM", "SONNE", "WOLKE", "MORGEN", "IX", "neg-VIEL")
_PLAIN = {"REGEN-PLUSPLUS": "REGEN", "loc-NORD": "NORD", "NORDRAUM": "NORD"}


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


@pytest.fixture
def shared() -> Path:
    """The real annotation's folder of data; skips where it is absent."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "phoenix14t_annotations").is_dir():
        pytest.skip(f"{folder} is absent")
    return folder
