"""Toy signing: a word is a colour of a square that moves over a noisy picture; a sentence is a few words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

WORDS = {"rot": (230, 30, 30), "grün": (30, 200, 30), "blau": (30, 30, 230), "gelb": (230, 220, 30)}
SIZE = (24, 16)  # height, width


def clip_of(sentence: str, rng: np.random.Generator) -> np.ndarray:
    """(T, 24, 16, 3) uint8, 4 to 6 frames a word."""
    frames = []
    for word in sentence.split():
        place = rng.integers(0, (SIZE[0] - 10, SIZE[1] - 10))
        for _ in range(rng.integers(4, 7)):
            picture = rng.integers(90, 120, (*SIZE, 3))
            row, column = place = np.clip(place + rng.integers(-1, 2, 2), 0, (SIZE[0] - 10, SIZE[1] - 10))
            picture[row : row + 10, column : column + 10] = WORDS[word]
            frames.append(picture.astype(np.uint8))
    return np.stack(frames)


def clips(folder: Path, number: int, seed: int) -> SimpleNamespace:
    """Random sentences of 1 to 3 words: files of decoded frames, names, texts."""
    from slt.sign2text.decoded import frame_file

    rng = np.random.default_rng(seed)
    words = list(WORDS)
    texts = [" ".join(words[k] for k in rng.integers(0, len(words), rng.integers(1, 4))) for _ in range(number)]
    names = [f"clip{k:03d}" for k in range(number)]
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip(names, texts, strict=True):
        np.save(frame_file(folder, name), clip_of(text, rng))
    return SimpleNamespace(files=[frame_file(folder, name) for name in names], names=names, texts=texts)


@pytest.fixture(scope="session")
def toy() -> SimpleNamespace:
    """The functions above, as tests cannot import each other."""
    return SimpleNamespace(clip_of=clip_of, clips=clips, words=list(WORDS), size=SIZE)
