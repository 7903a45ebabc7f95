"""Work of a stage: abstention fitted, the model folder written, its rejections counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence
from slt.pipeline.strides import Pair, PoseChain, build_pose_chain, larger_strides, thinned
from slt.pipeline.tables.rejections import Rejections, markdown
from slt.score.accuracy import SignScores
from slt.score.scores import Scores
from slt.segment.choice import Cut

if TYPE_CHECKING:
    from skeletor.lifters.registry import LiftOptions
    from skeletor.refiners.registry import RefineOptions
    from skeletor.refiners2d.registry import Refine2DOptions
    from slt.estimators.registry import EstimateOptions
    from slt.translate.abstain import Abstention
    from slt.translate.reader import Reader

_REFERENCE_CLIPS = 400
_NEAR = 0.01  # frame rates that differ by less are one, as where a model tells of clips at another
RESULT = "rejections.json"


@dataclass(frozen=True)
class ModelPlan:
    """The parts of a model folder.

    system: folder with the translator's `model/`. store, detected: final poses and key points by part, `detected` of
    each part. estimator to refine2d, language: of the run and its corpus. segmenter: what cuts long recordings. card:
    values of `slt.inference.model_folder.Card`. refiner, refiner_2d, lifter: weights to be copied. negatives: names of
    clips, by kind, of people who do not sign anything in the lexicon.
    """

    system: Path
    store: Path
    detected: Mapping[str, Path]
    estimator: EstimateOptions
    lift: LiftOptions
    refine: RefineOptions
    refine2d: Refine2DOptions
    card: Mapping[str, Any]
    scores: Mapping[str, Scores | SignScores]
    seed: int
    language: str = ""
    segmenter: Cut = "rule"
    refiner: Path | None = None
    refiner_2d: Path | None = None
    lifter: Path | None = None
    negatives: Mapping[str, frozenset[str]] = field(default_factory=dict)


def build_model_folder(plan: ModelPlan, folder: Path, out: Path) -> None:
    """Write the model folder; and `out/rejections.json`: on how many clips of test and negatives it abstains.

    Raises InputError if there are too few dev clips for the thresholds.
    """
    from slt.inference.model_folder import Card, ModelConfig, save_model_folder
    from slt.recognise.load import load_reader
    from slt.translate.abstain import FEWEST, fit_abstention

    translator = load_reader(plan.system / "model")
    _, raw, poses = _pairs(plan, "dev")
    train = open_store(plan.store / "train")
    some = [train[name] for name in sorted(train)[:_REFERENCE_CLIPS]]
    seconds, rates = zip(*((train[name].seconds, train[name].fps) for name in train), strict=True)
    chain = build_pose_chain(plan.lift, plan.refine, plan.refine2d, plan.refiner, plan.refiner_2d)
    sparse = {stride: chain.final(thinned(raw, stride)) for stride in larger_strides(raw)}
    sparse = {stride: pair for stride, pair in sparse.items() if len(pair[0]) >= FEWEST}
    abstention = fit_abstention(translator, some, raw, poses, seed=plan.seed, train_seconds=seconds, sparse=sparse)
    found = _all_rejections(translator, abstention, chain, _kinds(plan))
    save_model_folder(
        folder,
        ModelConfig(
            estimator=plan.estimator.portable(),
            estimator_version=raw[0].provenance.estimator_version,
            lift=plan.lift.model_dump(),
            refine=plan.refine.model_dump(exclude={"weights"}),
            refine2d=_stored_2d(plan.refine2d),
            fps=most_frequent(rates),  # of the clips themselves: what a data set says of itself may be wrong
            language=plan.language,
            segmenter=plan.segmenter,
            lift_version=_lift_version(poses),
        ),
        plan.system / "model",
        abstention,
        plan.scores,
        Card(**plan.card, rejections=markdown(found, "### Measured")),
        plan.refiner,
        plan.refiner_2d,
        plan.lifter,
    )
    write_text(out / RESULT, json.dumps({kind: asdict(r) for kind, r in found.items()}, indent=1))


def most_frequent(rates: Sequence[float]) -> float:
    """The frame rate near which most clips are, in frames a second; of several the one of most clips, then the lowest.

    Near is within 1 %: each clip of a phone has a rate of its own, and that of one odd clip would stand for all.
    """
    ordered, counts = np.sort(np.array(rates, float)), Counter(rates)  # (N,)

    def standing(rate: float) -> tuple[int, int, float]:
        low, high = np.searchsorted(ordered, [rate * (1 - _NEAR), rate * (1 + _NEAR)])
        return int(high - low), counts[rate], -rate

    return max(counts, key=standing)


def _lift_version(poses: Sequence[PoseSequence]) -> str:
    """Of the lifter of the poses; "" if they do not tell."""
    lifted = poses[0].provenance.stage("lift")
    return lifted.version if lifted else ""


def _stored_2d(options: Refine2DOptions) -> dict[str, Any] | None:
    """The section of `model.yaml`; all that was fitted stands in the weights."""
    from skeletor.refiners2d.registry import FittedOptions

    if options.name == "none":
        return None
    return {"name": options.name} if isinstance(options, FittedOptions) else options.model_dump(exclude={"weights"})


def _all_rejections(
    translator: Reader, abstention: Abstention, chain: PoseChain, kinds: Mapping[str, Pair]
) -> dict[str, Rejections]:
    """Rejections of every kind, with the 2D as it is and, as kinds of their own, sparser."""
    found = {kind: _rejections(translator, abstention, *pair) for kind, pair in kinds.items()}
    for stride in abstention.strides[1:]:
        for kind, (raw, _) in kinds.items():
            found[f"{kind} {stride}"] = _rejections(translator, abstention, *chain.final(thinned(raw, stride)))
    return found


def _kinds(plan: ModelPlan) -> dict[str, Pair]:
    """Key points and poses of the clips that the abstention is tried on, by kind."""
    _, raw, poses = _pairs(plan, "test")
    kinds = {"test": (raw, poses), "reversed": ([backwards(p) for p in raw], [backwards(p) for p in poses])}
    if plan.negatives:
        names, raw, poses = _pairs(plan, "negatives")
        for kind, wanted in plan.negatives.items():
            chosen = [k for k, name in enumerate(names) if name in wanted]
            kinds[kind] = ([raw[k] for k in chosen], [poses[k] for k in chosen])
    return kinds


def _rejections(
    translator: Reader, abstention: Abstention, raw: Sequence[PoseSequence], poses: Sequence[PoseSequence]
) -> Rejections:
    """On how many clips the system abstains, and why."""
    reasons: dict[str, int] = {}
    for key_points, pose, hypothesis in zip(raw, poses, translator.translate(poses), strict=True):
        reason = abstention.reason(abstention.signals(translator, key_points, pose, hypothesis))
        if reason is not None:
            key = reason.split(":")[0]
            reasons[key] = reasons.get(key, 0) + 1
    return Rejections(len(poses), sum(reasons.values()), reasons)


def backwards(pose: PoseSequence) -> PoseSequence:
    """The same clip (T, J, D), played from its end to its start; a sparse one from its last key frame on."""
    pose = pose.frames(0, (len(pose) - 1) // pose_stride(pose) * pose_stride(pose) + 1)
    return pose.replace(pose.keypoints[::-1].copy(), pose.confidence[::-1].copy())


def _pairs(plan: ModelPlan, part: str) -> tuple[list[str], list[PoseSequence], list[PoseSequence]]:
    """Names, key points and final poses of the clips of a part that have both."""
    raw, poses = open_store(plan.detected[part]), open_store(plan.store / part)
    names = sorted(set(raw) & set(poses))
    return names, [raw[name] for name in names], [poses[name] for name in names]
