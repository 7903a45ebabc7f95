"""A toy sign language: each word is a hand pose held at a place for some frames; a sentence is a few words."""

from types import SimpleNamespace

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.translate.joey.batches import Example

WORDS = ["regen", "sonne", "wind", "schnee", "montag", "süden", "kühl", "morgen"]


def signs(seed: int = 7) -> dict[str, np.ndarray]:
    """word -> (50, 3), a pose with the neck at the origin in shoulder widths."""
    rng = np.random.default_rng(seed)
    rest = np.zeros((50, 3), np.float32)
    rest[:8] = [[0, -0.6, 0.1], [0, 0, 0], [-0.5, 0, 0], [-0.6, 0.8, 0], [-0.4, 1.0, 0.4],
                [0.5, 0, 0], [0.6, 0.8, 0], [0.4, 1.0, 0.4]]  # fmt: skip
    result = {}
    for word in WORDS:
        pose = rest.copy()
        for wrist, first in ((7, 8), (4, 29)):
            pose[wrist] += rng.normal(0, 0.3, 3)
            pose[first] = pose[wrist]
            pose[first + 1 : first + 21] = pose[wrist] + rng.normal(0, 0.15, (20, 3))
        result[word] = pose
    return result


def pose_of(sentence: str, rng: np.random.Generator, noise: float = 0.01) -> PoseSequence:
    """A performance of a sentence, 5 to 8 frames a word at 25 fps."""
    table = signs()
    frames = np.concatenate([np.repeat(table[w][None], rng.integers(5, 9), 0) for w in sentence.split()])
    frames = frames + rng.normal(0, noise, frames.shape)
    return PoseSequence(
        frames.astype(np.float32), np.ones(frames.shape[:2], np.float32), 25.0, SIGNING_50,
        Provenance(source="toy", units="shoulder"),
    )  # fmt: skip


def examples(number: int, seed: int, shortest: int = 1) -> list[Example]:
    """Random sentences of `shortest` to 5 words; glosses are the words in upper case."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(number):
        words = [WORDS[i] for i in rng.integers(0, len(WORDS), rng.integers(shortest, 6))]
        text = " ".join(words)
        made.append(Example(f"clip{k}", pose_of(text, rng), text, tuple(w.upper() for w in words)))
    return made


@pytest.fixture(scope="session")
def toy() -> SimpleNamespace:
    """The functions above, as tests cannot import each other."""
    return SimpleNamespace(pose_of=pose_of, examples=examples, words=WORDS)
