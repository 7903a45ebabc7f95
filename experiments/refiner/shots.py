"""Figure 7: frames of low-quality video in which the detector failed, raw and repaired."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from experiments.refiner import draw
from experiments.refiner.detector import Material, read_run
from experiments.refiner.errors import SHOULDERS_CM
from experiments.refiner.events import hand_events
from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.skeleton import SIGNING_50
from slt.synthetic.build import video_path
from slt.video import open_video

SHOTS = 5
NAMES = {"skeletor": "Skeletor,\nunsupervised", "skeletor-motion": "Skeletor,\nknown motion"}


@dataclass(frozen=True)
class Shot:
    """A frame of a clip of `read_run`, and what went wrong there."""

    clip: int
    frame: int
    what: str


def choose(material: Material, count: int) -> list[Shot]:
    """The `count` worst frames of raw detection, at most one of a clip: the rule is blind to what refining does.

    Worst by the raw hand's distance from the truth relative to its wrist, among lost, swapped and frozen hands.
    """
    candidates: list[tuple[float, Shot]] = []
    for k, (raw, truth) in enumerate(zip(material.lifted, material.references["truth"], strict=True)):
        events = hand_events(material.detected[k], material.planar[k])
        scores = []
        for h, (joints, wrist) in enumerate(hands_and_wrists(SIGNING_50)):
            difference = raw.keypoints - truth.keypoints
            off = np.linalg.norm(difference[:, joints] - difference[:, [wrist]], axis=2).mean(1)
            for what in ("lost", "swapped", "frozen"):
                chosen = np.where(getattr(events, what)[:, h], off, -1.0)
                frame = int(chosen.argmax())
                side = "left" if h == 0 else "right"
                scores.append((float(chosen[frame]), Shot(k, frame, f"{side} hand {what}")))
        candidates.append(max(scores, key=lambda pair: pair[0]))
    return [shot for score, shot in sorted(candidates, key=lambda pair: -pair[0])[:count] if score > 0]


def figure_7(run: Path, out: Path) -> list[Path]:
    """Video, raw skeleton, Skeletor's and the truth of the chosen frames. InputError if the run is not there."""
    material = read_run(run, ["test"])
    shots = choose(material, SHOTS)
    row, refined = list(material.refined.items())[-1]  # the one with known motion, if the run has it
    names = ("video", "detection,\nlifted", NAMES[row], "truth")
    figure, axes = draw.grid(len(names), len(shots), 1.45)
    truths = material.references["truth"]
    view = draw.view_of(*(p[s.clip].keypoints[s.frame] for s in shots for p in (truths, material.lifted)), foot=0.35)
    for column, shot in enumerate(shots):
        k, t = shot.clip, shot.frame
        truth = truths[k].keypoints[t]
        picture = _picture(run, material.clips[k], t)
        axes[0][column].imshow(picture)
        axes[0][column].axis("off")
        axes[0][column].set_title(f"{shot.what}", fontsize=9)
        for axis, pose in zip(axes[1:, column], (material.lifted[k], refined[k], None), strict=True):
            draw.panel(axis, view)
            draw.skeleton(axis, truth, pale=pose is not None)
            if pose is not None:
                draw.skeleton(axis, pose.keypoints[t])
                cm = np.linalg.norm(pose.keypoints[t] - truth, axis=1).mean() * SHOULDERS_CM
                draw.below(axis, f"{cm:.1f} cm")
    for line, name in zip(axes, names, strict=True):
        draw.row_name(line[0], name)
    title = f"Figure 7. Broadcast quality: the {len(shots)} test clips with the worst frames"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    draw.legend(figure, "blue: left hand, orange: right hand, grey behind: the truth; cm: mean distance of all joints")
    return draw.save(figure, out, "figure7")


def _picture(run: Path, clip: tuple[str, str], frame: int) -> np.ndarray:
    with open_video(video_path(run / "corpus", *clip)) as video:
        return next(islice(video, frame, None))
