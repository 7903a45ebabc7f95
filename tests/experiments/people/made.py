"""Made-up people who sign, as arrays of MediaPipe's 75 points in shares of the picture."""

from pathlib import Path

import numpy as np

from experiments.people.clips import People, read_people
from experiments.people.config import SetConfig
from skeletor.poses.skeleton import MEDIAPIPE_75

SIZE = (640, 480)
_PLACES = {
    "nose": (0.5, 0.3), "left_shoulder": (0.6, 0.45), "right_shoulder": (0.4, 0.45), "left_elbow": (0.62, 0.62),
    "right_elbow": (0.38, 0.62), "left_wrist": (0.6, 0.75), "right_wrist": (0.4, 0.75), "left_hip": (0.56, 0.95),
    "right_hip": (0.44, 0.95),
}  # fmt: skip


def key_points(sign: int, frames: int, seed: int) -> np.ndarray:
    """(T, 75, 2): the right hand moves up (sign 0) or sideways (sign 1); the left hand is lost for two frames."""
    rng = np.random.default_rng(seed)
    points = np.zeros((frames, 75, 2), np.float32)
    move = np.linspace(0, 0.2, frames)[:, None] * np.array([(0, -1), (1, 0)][sign])
    for k, joint in enumerate(MEDIAPIPE_75.joints):
        side, hand = joint.split("_")[0], "_hand_" in joint
        place = np.array(_PLACES[f"{side}_wrist"] if hand else _PLACES.get(joint, (0.5, 0.3)))
        finger = k - (33 if side == "left" else 54)
        points[:, k] = place + (np.array([0.004 * (finger // 4), 0.005 * (finger % 4 + 1)]) if hand and finger else 0)
        if side == "right" and (hand or joint == "right_wrist"):
            points[:, k] += move
    points += rng.normal(0, 0.001, points.shape)
    start = 2 + seed % 3
    points[start : start + 2, 33:54] = 0
    return points


def save_people(path: Path, people: int = 6, clips: int = 4, frames: int = 12) -> SetConfig:
    """A file of people who sign two signs, `clips` times each."""
    made = [(p, s, c) for p in range(people) for s in (0, 1) for c in range(clips)]
    points = np.stack([key_points(s, frames, 100 * p + 10 * s + c) for p, s, c in made])
    np.savez_compressed(
        path, kp=points.astype(np.float16), label=np.array([("up", "side")[s] for _, s, _ in made]),
        who=np.array([p for p, _, _ in made]),
    )  # fmt: skip
    return SetConfig(name="made", file=str(path), label="label", person="who", size=list(SIZE), fps=25.0)


def some_people(folder: Path, people: int = 6) -> People:
    """The same, read."""
    return read_people(save_people(folder / "made.npz", people))
