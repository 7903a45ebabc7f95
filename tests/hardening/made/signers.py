"""Rendered people for a camera: who signs, who is idle, two at once, one who leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skeletor.poses.pose import PoseSequence
from slt.synthetic.picture.camera import random_camera
from slt.synthetic.picture.look import dress, random_look
from slt.synthetic.picture.quality import QUALITIES
from slt.synthetic.picture.render import render_frames
from slt.synthetic.signing.motion import perform, perform_idle, perform_unknown
from slt.synthetic.signing.signers import SIGNERS
from slt.video import write_video

GLOSSES = ("MORGEN", "REGEN", "NORD")


def frames(seed: int, what: str = "signs", signer: int = 0, count: int | None = None) -> Iterator[np.ndarray]:
    """Pictures of someone who signs a sentence, signs what no lexicon has, or is idle; the first `count` of them."""
    rng = np.random.default_rng(seed)
    person = SIGNERS[signer]
    motion = {
        "signs": lambda: perform(GLOSSES, person, rng).pose,
        "unknown": lambda: perform_unknown(person, rng, 5).pose,
        "idle": lambda: perform_idle(person, rng, 3.0).pose,
    }[what]()
    pose: PoseSequence = motion if count is None else motion.frames(10, 10 + count)
    quality = QUALITIES["broadcast"]
    camera = random_camera(quality, rng, pose)
    look = dress(random_look(np.random.default_rng([seed, signer])), rng)
    return iter(render_frames(pose, look, camera, quality, rng))


def signing_video(path: Path, seed: int, count: int | None = None) -> None:
    """A video of someone who signs; `count` frames, or the whole sentence."""
    if not path.exists():
        write_video(path, frames(seed, count=count), 25)
