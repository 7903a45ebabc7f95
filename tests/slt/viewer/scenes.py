"""A clip with all that a viewer has to show: a hand that is lost for a while, glosses, and a part not understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from slt.inference.recording import Recording, Sentence
from slt.recognise.decoding.align import Sign
from slt.recognise.guess import Guess
from slt.viewer.scene import make_scene

FRAMES, FPS, SIZE = 50, 25.0, (320, 240)
LOST = slice(20, 30)  # frames in which the left hand is not seen
CENTRE, SCALE = np.array([160.0, 80.0]), 50.0  # neck and shoulder width, in pixels
_BODY = np.array([[0, -0.6, 0.1], [0, 0, 0], [-0.5, 0, 0], [-0.6, 0.8, 0], [-0.4, 1.0, 0.4],
                  [0.5, 0, 0], [0.6, 0.8, 0], [0.4, 1.0, 0.4]])  # fmt: skip


def poses() -> tuple[PoseSequence, PoseSequence, PoseSequence]:
    """Raw 2D in pixels, lifted and repaired 3D in shoulder widths. The right hand moves to the right."""
    finger = np.stack([np.arange(21) % 5 * 0.05, -np.arange(21) / 60, np.linspace(0, 0.2, 21)], 1)
    frame = np.concatenate([_BODY, _BODY[7] + finger, _BODY[4] + finger])
    space = np.repeat(frame[None], FRAMES, 0)
    space[:, 29:50, 0] += np.linspace(0, 1, FRAMES)[:, None]
    confidence = np.ones((FRAMES, 50))
    confidence[LOST, 8:29] = 0
    flat = space[..., :2] * SCALE + CENTRE
    flat[LOST, 8:29] = np.nan
    about = Provenance("clip.mp4", image_size=SIZE, estimator="mediapipe", units="pixel")
    raw = PoseSequence(flat, confidence, FPS, SIGNING_50, about)
    record = StageRecord("normalise", config={"centre": CENTRE.tolist(), "scale": SCALE, "units_before": "pixel"})
    lifted = PoseSequence(space, confidence, FPS, SIGNING_50, about.then(record, "shoulder"))
    return raw, lifted, lifted.replace(lifted.keypoints + 0.01)


def recording() -> Recording:
    """Two segments: one understood, with two glosses and two guesses, and one not."""
    signs = (Sign("REGEN", 0.1, 0.5, 0.9), Sign("<NORD>", 0.5, 0.9, 0.6))
    top = (Guess("REGEN", 0.7), Guess("<i>WIND</i>", 0.2))  # of models of isolated signs, which have no glosses
    told = Sentence(0.0, 1.0, "regen <b>im</b> norden", None, 0.7, glosses=("REGEN", "<NORD>"), signs=signs, top=top)
    gap = Sentence(1.2, 2.0, None, "the hands were not seen")
    return Recording("clip.mp4", (told, gap), None, 2.0, {}, {}, ("look at the times",))


def scene(name: str = "clip.mp4", result: Recording | None = None) -> dict[str, Any]:
    """The scene of them."""
    return make_scene(name, *poses(), result or recording())


def video(path: Path) -> Path:
    """A clip of grey pictures that grow brighter, as long as the poses."""
    from slt.video import write_video

    frames = (np.full((SIZE[1], SIZE[0], 3), 60 + 3 * t, np.uint8) for t in range(FRAMES))
    write_video(path, frames, FPS)
    return path
