"""How well does the embedded pose estimator see the rendered signer? Prints Markdown tables.

Renders sentences of the rendered corpus as video files, in each quality, and tracks them with MediaPipe as the
pipeline does. A hand counts as visible where all its 21 joints lie in the picture. A found hand's error is the mean
distance of its 21 key points from their projected truth, in palm lengths (hand root to first joint of the middle
finger, of the 3D truth, at the hand's distance from the camera, so foreshortening does not change the unit).

    .venv/bin/python -m experiments.detection_rates [--clips 10] [--quality studio broadcast] [--static] [--seed 1]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from slt.estimators.base import Estimator
from slt.estimators.registry import ESTIMATORS
from slt.synthetic.language.grammar import draw_glosses
from slt.synthetic.picture.camera import Camera, random_camera
from slt.synthetic.picture.look import dress, random_look
from slt.synthetic.picture.quality import QUALITIES, Quality
from slt.synthetic.picture.render import render_frames
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS
from slt.video import open_video, write_video

SIDES = {"left": 8, "right": 29}  # hand root of each side
BODY = SIGNING_50.group("body")
FACING = ("palm", "side", "back")


@dataclass(frozen=True)
class HandFrames:
    """One hand in all frames of a clip, each (T,): in the picture, found, error in palm lengths (NaN if not
    found), found on the other hand, speed of its root in palm lengths per frame, facing (0 palm - 2 back)."""

    visible: np.ndarray
    found: np.ndarray
    error: np.ndarray
    astray: np.ndarray
    speed: np.ndarray
    facing: np.ndarray


@dataclass(frozen=True)
class ClipResult:
    """body: (T,) found. body_error: (T, 8) pixels, NaN if not found. hands by side; dominant side."""

    body: np.ndarray
    body_error: np.ndarray
    hands: dict[str, HandFrames]
    dominant: str


def measure(index: int, quality: Quality, estimator: Estimator, seed: int, folder: Path, static: bool) -> ClipResult:
    """Render one clip and compare what the estimator finds with the truth."""
    rng = np.random.default_rng([seed, index])
    signer = SIGNERS[index % len(SIGNERS)]
    pose = perform(draw_glosses(rng), signer, rng).pose
    camera = random_camera(quality, rng, pose)
    look = dress(random_look(np.random.default_rng([seed, signer.seed, index // len(SIGNERS)])), rng)
    path = folder / "clip.mp4"
    write_video(path, render_frames(pose, look, camera, quality, rng), pose.fps, crf=quality.crf)
    found = _stills(path, estimator, folder) if static else estimator(path).to_skeleton(SIGNING_50).keypoints
    truth = camera.project(pose.keypoints)
    hands = {side: _hand(side, found, truth, pose, camera) for side in SIDES}
    body = np.linalg.norm(found[:, BODY] - truth[:, BODY], axis=-1)
    return ClipResult(~np.isnan(body).all(1), body, hands, "left" if signer.left_handed else "right")


def _stills(path: Path, estimator: Estimator, folder: Path) -> np.ndarray:
    """(T, 50, 2) where each frame is seen for the first time (every tenth; the others are NaN)."""
    frames = list(open_video(path))
    found = np.full((len(frames), 50, 2), np.nan)
    for t in range(0, len(frames), 10):
        (folder / "still").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "still" / "0.png"), frames[t][..., ::-1])
        found[t] = estimator(folder / "still").to_skeleton(SIGNING_50).keypoints[0]
    return found


def _hand(side: str, found: np.ndarray, truth: np.ndarray, pose: PoseSequence, camera: Camera) -> HandFrames:
    start, other = SIDES[side], SIDES["right" if side == "left" else "left"]
    seen, own, opposite = (a[:, s : s + 21] for a, s in ((found, start), (truth, start), (truth, other)))
    viewed = camera.view(pose.keypoints[:, start : start + 21])
    palm = np.linalg.norm(viewed[:, 9] - viewed[:, 0], axis=-1) * camera.magnification(viewed[:, 0])
    error = np.linalg.norm(seen - own, axis=-1).mean(1) / palm
    elsewhere = np.linalg.norm(seen - opposite, axis=-1).mean(1) / palm
    normal = np.cross(viewed[:, 5] - viewed[:, 0], viewed[:, 17] - viewed[:, 0])
    towards = normal[:, 2] / np.linalg.norm(normal, axis=-1) * (1 if side == "left" else -1)
    return HandFrames(
        visible=np.all((own > 0) & (own < [camera.width, camera.height]), axis=(1, 2)),
        found=~np.isnan(error),
        error=error,
        astray=(elsewhere < error) & (error > 0.5),
        speed=np.linalg.norm(np.gradient(own[:, 0], axis=0), axis=-1) / palm,
        facing=np.digitize(-towards, [-0.4, 0.4]),
    )


def report(name: str, results: list[ClipResult], step: int) -> str:
    """Lines of Markdown for one quality; `step`: every step-th frame was looked at."""
    looked = [np.arange(len(r.body)) % step == 0 for r in results]
    body = np.concatenate([r.body[use] for r, use in zip(results, looked, strict=True)])
    offset = np.concatenate([r.body_error[use].ravel() for r, use in zip(results, looked, strict=True)])
    rows = [
        f"**{name}**: {len(results)} clips, {len(body)} frames; body in {100 * body.mean():.1f} %, "
        f"median error of body joints {np.nanmedian(offset):.1f} px",
        "",
        "| hand | frames visible | found % | median error, palm lengths | error > .3 % | on the other hand % |",
        "|---|---|---|---|---|---|",
    ]

    def line(label: str, hands: list[tuple[HandFrames, np.ndarray]]) -> None:
        use = np.concatenate([h.visible & chosen for h, chosen in hands])
        if not use.any():
            return
        found, error, astray = (np.concatenate([getattr(h, k) for h, _ in hands]) for k in ("found", "error", "astray"))
        got = use & found
        middle = f"{np.median(error[got]):.3f}" if got.any() else "-"
        far, lost = (100 * v[got].mean() if got.any() else 0.0 for v in (error > 0.3, astray))
        rows.append(f"| {label} | {use.sum()} | {100 * found[use].mean():.1f} | {middle} | {far:.1f} | {lost:.1f} |")

    pairs = [(r, side, use) for r, use in zip(results, looked, strict=True) for side in SIDES]
    line("all", [(r.hands[s], use) for r, s, use in pairs])
    for side in SIDES:
        line(side, [(r.hands[s], use) for r, s, use in pairs if s == side])
    line("dominant", [(r.hands[s], use) for r, s, use in pairs if s == r.dominant])
    line("other", [(r.hands[s], use) for r, s, use in pairs if s != r.dominant])
    for k, facing in enumerate(FACING):
        line(f"{facing} to the camera", [(r.hands[s], use & (r.hands[s].facing == k)) for r, s, use in pairs])
    for label, low, high in (("still", 0, 0.1), ("slow", 0.1, 0.3), ("fast", 0.3, 1e9)):
        chosen = [(r.hands[s], use & (r.hands[s].speed >= low) & (r.hands[s].speed < high)) for r, s, use in pairs]
        line(f"{label} ({low}-{high:g} palms per frame)" if high < 1e9 else f"{label} (> {low})", chosen)
    return "\n".join(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--quality", nargs="+", choices=list(QUALITIES), default=list(QUALITIES))
    parser.add_argument("--static", action="store_true", help="each frame (every tenth) on its own, without tracking")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    estimator = ESTIMATORS.build(ESTIMATORS.parse({}))
    with tempfile.TemporaryDirectory() as folder:
        for name in options.quality:
            results = [
                measure(k, QUALITIES[name], estimator, options.seed, Path(folder), options.static)
                for k in range(options.clips)
            ]
            print(report(name, results, 10 if options.static else 1), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
