"""The last stage: the model folder, its abstention thresholds, and how well they reject what is not signing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.atomic import write_text
from skeletor.io.store import open_store
from skeletor.pose import PoseSequence
from slt.corpus.build import signs_unknown
from slt.lift import lift_weights
from slt.pipeline.context import CORE_CODE, Detected, Row, Run
from slt.pipeline.refine2d import weights_of
from slt.pipeline.stage import run_stage
from slt.pipeline.strides import Chain, Pair, build_chain, larger_strides, thinned
from slt.pipeline.training import REFINER_WEIGHTS, System
from slt.score import Scores
from slt.sparse import pose_stride

if TYPE_CHECKING:
    from slt.translate import Translator
    from slt.translate.abstain import Abstention

_REFERENCE_CLIPS = 400
_LIMITS = {
    True: "Trained on a rendered signer with invented signs: it understands no real sign language, and is meant "
    "to abstain on videos of real people. It is a demonstration of the chain, not a translator for people.",
    False: "Trained on weather forecasts of one broadcaster; other topics, signers and cameras are unknown to it.",
}


@dataclass(frozen=True)
class Rejections:
    """How many clips of a kind there are, and on how many the system abstains, by reason's first words."""

    clips: int
    rejected: int
    reasons: Mapping[str, int]


def build_model(
    run: Run, row: Row, system: System, scores: Mapping[str, Scores], detected: Detected
) -> tuple[Path, dict[str, Rejections]]:
    """Write the model folder of the run's own system; returns it and its rejections on test and negatives."""
    folder = run.folder / "model"
    done = run_stage(  # never taken from another run: it writes the model folder of this one
        "model",
        run.folder / "abstention",
        lambda out: _build(run, row, system, scores, detected, out, folder),
        {"refine": run.config.refine.name, "estimator": run.config.estimator.name, "seeds": run.config.seeds},
        (row.done, system.done, detected.done),
        (
            *CORE_CODE,
            "slt/translate",
            "slt/model_folder",
            "slt/model_files",
            "slt/pipeline/model",
            "slt/pipeline/strides",
            "slt/lift",
            "slt/sparse",
        ),
    )
    stored = json.loads((done.folder / "rejections.json").read_text(encoding="utf-8"))
    return folder, {kind: Rejections(**values) for kind, values in stored.items()}


def _build(
    run: Run,
    row: Row,
    system: System,
    scores: Mapping[str, Scores],
    detected: Detected,
    out: Path,
    folder: Path,
) -> None:
    from slt.model_folder import Card, ModelConfig, save_model_folder
    from slt.translate import Translator
    from slt.translate.abstain import fit_abstention

    translator = Translator.load(system.done.folder / "model")
    _, raw, poses = _pairs(detected, row, "dev")
    train = open_store(row.store / "train")
    some = [train[name] for name in sorted(train)[:_REFERENCE_CLIPS]]
    seconds = [train[name].seconds for name in train]
    config = run.config
    refiner, refiner_2d = _refiner_weights(run, row), None if config.refine2d.name == "none" else weights_of(run)
    chain = build_chain(config.lift, config.refine, config.refine2d, refiner, refiner_2d)
    sparse = {stride: chain.final(thinned(raw, stride)) for stride in larger_strides(raw)}
    abstention = fit_abstention(translator, some, raw, poses, seed=config.seed, train_seconds=seconds, sparse=sparse)
    found = _all_rejections(translator, abstention, chain, _kinds(run, row, detected))
    write_text(out / "rejections.json", json.dumps({kind: asdict(r) for kind, r in found.items()}, indent=1))
    trainings = f" Of {config.seeds} trainings the best on dev, seed {system.seed}." if config.seeds > 1 else ""
    lengths = ", ".join(f"{len(run.corpus.split(s))} {s}" for s in ("train", "dev", "test"))
    save_model_folder(
        folder,
        ModelConfig(
            estimator=config.estimator.model_dump(),
            estimator_version=raw[0].provenance.estimator_version,
            lift=config.lift.model_dump(),
            refine=config.refine.model_dump(exclude={"weights"}),
            refine2d=None if config.refine2d.name == "none" else {"name": config.refine2d.name},
            fps=run.corpus.description.fps,
        ),
        system.done.folder / "model",
        abstention,
        scores,
        Card(
            title=f"Skeletor-SLT, {run.corpus.description.kind}",
            data=f"{run.corpus.description.kind} corpus: {lengths} clips.{trainings}",
            data_licence=run.corpus.description.licence,
            limits=_LIMITS[run.rendered],
            rejections=markdown(found, "### Measured"),
        ),
        refiner,
        refiner_2d,
        lift_weights(config.lift),
    )


def _kinds(run: Run, row: Row, detected: Detected) -> dict[str, Pair]:
    """Clips that tell how well the system abstains: of test, sound; and what is no signing that it knows."""
    _, raw, poses = _pairs(detected, row, "test")
    kinds = {"test": (raw, poses), "reversed": ([backwards(p) for p in raw], [backwards(p) for p in poses])}
    if run.rendered:
        names, raw, poses = _pairs(detected, row, "negatives")
        for kind, unknown in (("idle", False), ("unknown", True)):
            chosen = [k for k, name in enumerate(names) if signs_unknown(name) == unknown]
            kinds[kind] = ([raw[k] for k in chosen], [poses[k] for k in chosen])
    return kinds


def _all_rejections(
    translator: Translator, abstention: Abstention, chain: Chain, kinds: Mapping[str, Pair]
) -> dict[str, Rejections]:
    """Rejections of every kind, with the 2D as it is and, as kinds of their own, sparser."""
    found = {kind: _rejections(translator, abstention, *pair) for kind, pair in kinds.items()}
    for stride in abstention.strides[1:]:
        for kind, (raw, _) in kinds.items():
            found[f"{kind} {stride}"] = _rejections(translator, abstention, *chain.final(thinned(raw, stride)))
    return found


def _refiner_weights(run: Run, row: Row) -> Path | None:
    if row.refiner is not None:
        return row.refiner.folder / REFINER_WEIGHTS
    given = run.config.refine.weights
    return Path(given) if given and run.config.refine.name == "skeletor" else None


def _rejections(
    translator: Translator, abstention: Abstention, raw: Sequence[PoseSequence], poses: Sequence[PoseSequence]
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
    """The same clip, played from its end to its start; a sparse one from its last key frame on."""
    pose = pose.frames(0, (len(pose) - 1) // pose_stride(pose) * pose_stride(pose) + 1)
    return pose.replace(pose.keypoints[::-1].copy(), pose.confidence[::-1].copy())


def _pairs(detected: Detected, row: Row, part: str) -> tuple[list[str], list[PoseSequence], list[PoseSequence]]:
    """Names, key points and final poses of the clips of a part that have both."""
    raw, poses = open_store(detected.parts[part]), open_store(row.store / part)
    names = sorted(set(raw) & set(poses))
    return names, [raw[name] for name in names], [poses[name] for name in names]


def markdown(rejections: Mapping[str, Rejections], title: str = "#### Abstentions of the model folder's system") -> str:
    """A Markdown table of the rejections."""
    lines = [
        title,
        "",
        "| clips | number | rejected | why |",
        "|---|---:|---:|---|",
    ]
    labels = {
        "test": "test (all are signing)",
        "reversed": "test, played backwards",
        "idle": "idle people",
        "unknown": "people who sign what the lexicon has not",
    }
    for name, r in rejections.items():
        kind, _, stride = name.partition(" ")
        label = f"{labels[kind]}; 2D on 1 frame in {stride}" if stride else labels[kind]
        why = "; ".join(f"{reason} ({count})" for reason, count in sorted(r.reasons.items(), key=lambda x: -x[1]))
        lines.append(f"| {label} | {r.clips} | {r.rejected} | {why} |")
    return "\n".join(lines) + "\n"
