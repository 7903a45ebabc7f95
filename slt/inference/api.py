"""Skeletor-SLT for those who write Python: `slt.load` and `slt.translate_video`.

The second is not called `translate`: `slt.translate` is the package of the translator.
"""

from __future__ import annotations

from pathlib import Path

from skeletor.files.paths import input_path
from slt.inference.chain import Chain, Translation, load_chain
from slt.inference.estimation import Sparse


def load(
    folder: Path | str | None = None,
    *,
    device: str = "auto",
    refine: str | None = None,
    refine2d: str | None = None,
    lift: str | None = None,
    estimator: str | None = None,
    pose_stride: int | None = None,
    pose_speed: str | None = None,
    pose_model: str | None = None,
    hands: str | None = None,
    upsample: str | None = None,
    people: str | None = None,
    fps: float | None = None,
) -> Chain:
    """Load a trained chain: estimator, lifter, refiner, translator, and when to abstain.

    What is None stays as the model folder says; each of these arguments is an option of `slt translate`.

    Args:
        folder: the model folder; None takes the one that `slt translate` takes without `--model`.
        device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N".
        refine: the refiner of 3D poses: "none", "savgol", "kalman", "skeletor", ...
        refine2d: the refiner of 2D poses: "none", or the one that the model was trained with.
        lift: the lifter: "fast", "reference", "learned", a kind of network, or a file of weights.
        estimator: the estimator of 2D poses: "mediapipe", "openpose", "openpose-json", "poses",
            "rtmlib".
        pose_stride: 2D poses on every N-th frame only.
        pose_speed: "full", "fast": the body, and hands at rest, are looked at less often, or "faster": hands are also
            looked for where they were (MediaPipe).
        pose_model: "full", or "heavy": MediaPipe's largest model of the body, whose weights have to be fetched.
        hands: "holistic", or "second": hands that MediaPipe loses are searched for by its detector of palms.
        upsample: how all frames come from those: "interpolation" or "token".
        people: "one", or "turns": of people beside each other in a video each is followed, and who signs is read.
        fps: frame rate of inputs that do not tell theirs (folders of frames, OpenPose JSON), in frames a second.

    Returns:
        A chain, ready for any number of videos.

    Raises:
        skeletor.support.errors.InputError: there is no model, or it does not allow what is asked for.
    """
    path = None if folder is None else input_path(str(folder))
    sparse = Sparse(pose_stride, upsample, pose_speed, people, pose_model, hands)
    return load_chain(path, refine, estimator, device, refine2d, lift, sparse, fps)


def translate_video(video: Path | str, folder: Path | str | None = None, *, device: str = "auto") -> Translation:
    """Translate one video of one sentence. For several videos `load` the chain once, and call its `translate`.

    Args:
        video: a video, a folder of frames, or a file of 2D or 3D poses.
        folder: the model folder, as of `load`.
        device: as of `load`.

    Returns:
        The sentence (`text`); if the system abstained `text` is None, and `reason` says why.

    Raises:
        skeletor.support.errors.InputError: the video or the model cannot be read.
    """
    source = input_path(str(video))
    return load(folder, device=device).translate(source)
