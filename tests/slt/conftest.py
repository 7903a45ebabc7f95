"""A small data set in the exact layout of PHOENIX14T's release, pictures and all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from slt.corpus import layout

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
