"""The last stage: the model folder, its abstention thresholds, and how well they reject what is not signing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from skeletor.io.store import open_store
from skeletor.lifters.registry import lift_weights
from skeletor.refiners.trained import SHIPPED
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from skeletor.support.registry import given_weights
from slt.data.layout import Description
from slt.inference.model_files import check_files, read_model_config
from slt.pipeline.cache.stage import forget, run_stage
from slt.pipeline.context import SHIPPED_ROW, Detected, Row, Run
from slt.pipeline.stages.cascades import ensemble_of
from slt.pipeline.stages.refine2d import weights_of
from slt.pipeline.stages.translators import TrainedTranslator
from slt.pipeline.tables.rejections import Rejections
from slt.pipeline.work.poses.train_refiner import REFINER_WEIGHTS
from slt.pipeline.work.write_model import RESULT, ModelPlan, build_model_folder
from slt.score.accuracy import SignScores
from slt.score.scores import Scores
from slt.synthetic.build import signs_unknown

_INVENTED = (
    "Trained on a rendered signer with invented signs: it understands no real sign language, and is meant "
    "to abstain on videos of real people. It is a demonstration of the chain, not a translator for people."
)
_WEATHER = "Trained on weather forecasts of one broadcaster; other topics, signers and cameras are unknown to it."
_OWN = "Trained on the clips of one data set; other topics, signers and cameras are unknown to it."
# Kind of corpus -> ISO 639 codes of the sign language, if it is a real one, and of the text.
LANGUAGES: Mapping[str, list[str]] = {"rendered": ["de"], "resynthesised": ["de"], "phoenix14t": ["gsg", "de"]}
_WEIGHTED = ("lift", "refine", "refine2d")  # sections whose weights count by the stages that used them


def model_folder_stage(
    run: Run, row: Row, system: TrainedTranslator, scores: Mapping[str, Scores | SignScores], detected: Detected
) -> tuple[Path, dict[str, Rejections]]:
    """Write the model folder of the run's own system.

    Gives its path, and its rejections on test and negatives by kind.
    """
    folder, out = run.folder / "model", run.folder / "abstention"
    if not _whole(folder):
        forget(out)  # what is not there any more, or damaged, is made again
    plan = _plan(run, row, system, scores, detected)
    done = run_stage(  # never taken from another run: it writes the model folder of this one
        "model",
        out,
        partial(build_model_folder, plan, folder),
        {
            "seed": plan.seed,
            "language": plan.language,
            "estimator": plan.estimator.portable(),
            **{part: getattr(plan, part).model_dump(mode="json", exclude={"weights"}) for part in _WEIGHTED},
            "card": plan.card,
            "scores": {name: s.as_dict() for name, s in scores.items()},
        },
        (row.done, system.done, detected.done),
    )
    stored = json.loads((done.folder / RESULT).read_text(encoding="utf-8"))
    return folder, {kind: Rejections(**values) for kind, values in stored.items()}


def _whole(folder: Path) -> bool:
    """Whether a model folder is there, with the files that its `model.yaml` names."""
    try:
        check_files(folder, read_model_config(folder)["files"])
    except InputError as error:
        if folder.is_dir():
            log.warning("%s; the model folder is made again", error)
        return False
    return True


def _plan(
    run: Run, row: Row, system: TrainedTranslator, scores: Mapping[str, Scores | SignScores], detected: Detected
) -> ModelPlan:
    config, about = run.config, run.corpus.description
    trainings = f" Of {config.seeds} trainings the best on dev, seed {system.seed}." if config.seeds > 1 else ""
    if system.done.name == ensemble_of(row.name):
        trainings = f" {config.seeds} trainings, which read together."
    lengths = ", ".join(f"{len(run.corpus.split(s))} {s}" for s in ("train", "dev", "test"))
    return ModelPlan(
        system=system.done.folder,
        store=row.store,
        detected=detected.parts,
        estimator=config.estimator,
        lift=config.lift,
        refine=config.refine,
        refine2d=config.refine2d,
        language=about.language,
        segmenter="network" if about.kind == "rendered" else "rule",
        card={
            "title": f"Skeletor-SLT, {about.kind}",
            "data": f"{about.kind} corpus: {lengths} clips.{trainings}",
            "data_licence": about.licence,
            "limits": limits_of(about),
            "dataset": about.kind,
            "languages": LANGUAGES.get(about.kind, []),
        },
        scores=scores,
        seed=config.seed,
        refiner=_refiner_weights(run, row),
        refiner_2d=weights_of(run),
        lifter=lift_weights(config.lift),
        negatives=_negatives(detected) if run.rendered else {},
    )


def limits_of(about: Description) -> str:
    """What a model that was trained on such a corpus cannot do, for its card."""
    if about.synthetic:
        return _INVENTED
    return _WEATHER if about.kind == "phoenix14t" else _OWN


def _negatives(detected: Detected) -> dict[str, frozenset[str]]:
    names = set(open_store(detected.parts["negatives"]))
    unknown = frozenset(name for name in names if signs_unknown(name))
    return {"idle": frozenset(names - unknown), "unknown": unknown}


def _refiner_weights(run: Run, row: Row) -> Path | None:
    if row.refiner is not None:
        return row.refiner.folder / REFINER_WEIGHTS
    if row.name == SHIPPED_ROW:
        return SHIPPED
    given = given_weights(run.config.refine)
    return Path(given) if given else None
