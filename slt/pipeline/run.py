"""`slt run`: from corpus to table; each stage is skipped when nothing that it needs has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.files.keyed import keyed_folder
from skeletor.lifters.flat_lifter import FlatOptions
from skeletor.lifters.registry import LiftOptions, build_lifter, lift_weights
from skeletor.poses.pose import file_sha256
from skeletor.refiners.registry import REFINERS, RefineOptions, build_refiner
from skeletor.refiners.trained import SHIPPED
from skeletor.support.errors import InputError
from skeletor.support.registry import given_weights
from skeletor.support.together import Team
from slt.data import layout
from slt.estimators.registry import check_weights, weights_digests
from slt.pipeline import report, review
from slt.pipeline.cache.stage import Done, stage_key
from slt.pipeline.config import RunConfig
from slt.pipeline.context import SHIPPED_ROW, Detected, Plan, Row, Run
from slt.pipeline.corpus import run_on_corpus
from slt.pipeline.given import check_given
from slt.pipeline.mapping import Spread
from slt.pipeline.place import BAD_CLIPS, CLIPS, CONFIG, ESTIMATED, LIFTED, require_place
from slt.pipeline.sources import folder_rate, list_bad_clips, rendered_sources, require_dev, spans_of
from slt.pipeline.stages import cascades, model_folder, signs, translators
from slt.pipeline.stages.refine2d import check_refine_2d, refine_2d
from slt.pipeline.stages.sign2text import SIGN2TEXT, sign2text_systems
from slt.pipeline.tables.rejections import Rejections
from slt.pipeline.tables.signs import SignTable
from slt.pipeline.tables.table import Table
from slt.pipeline.work.poses.estimate import estimate_corpus
from slt.pipeline.work.poses.lift import lift_parts
from slt.pipeline.work.poses.refine import refine_parts
from slt.pipeline.work.poses.simulate import simulate_rest
from slt.pipeline.work.poses.train_refiner import REFINER_WEIGHTS, train_on_motion, train_skeletor
from slt.pipeline.work.poses.true_motion import normalise_truth
from slt.score.tokens import tokenizer

FLAT_ROW = "raw-2d"
# Parts that have simulated detections, see `simulate_rest`.
SIMULATED = ("train", "studio_motion", "studio_degraded")
# Every part of a rendered corpus that is lifted.
PARTS_OF_RUN = ("train", "dev", "test", "studio", "studio_motion", "studio_degraded", "negatives")


@dataclass(frozen=True)
class PreparedRows:
    """A run up to the translators: all that they need, rows with their poses."""

    run: Run
    detected: Detected
    lifted: Done
    rows: list[Row]


def run(
    config: RunConfig,
    folder: Path,
    corpus: Path | None = None,
    reuse: Sequence[Path] = (),
    spread: Spread | None = None,
    team: Team | None = None,
) -> Table | SignTable:
    """Run the whole chain in `folder` and return its table.

    corpus: a data set in PHOENIX14T's layout or with a table of clips; None renders one. Stages that are done and
    unchanged are kept.
    reuse: folders of other runs; their stages with the same config, code and inputs are taken from there.
    spread: does estimation, 2D repair, lifting and refinement on other machines; what it leaves is done here. team: all
    train together, and this process, the one that leads, does the rest.
    The model folder gets the system of the run's own row that is best on dev, its cascade among them; if that row is
    left out (`rows`), there is none. Raises InputError if the corpus cannot be used, or the folder
    holds files of others that would be lost.
    """
    done = prepare_rows(config, folder, corpus, reuse, spread, team)
    if config.task == "recognise":
        return _recognise(done)
    systems = cascades.train_rows(done.run, done.rows)
    if config.sign2text is not None and (not config.rows or SIGN2TEXT in config.rows):
        systems[SIGN2TEXT] = sign2text_systems(done.run)
    table = report.make_table(done.run, done.rows, systems)
    table.write(folder)
    rejections: dict[str, Rejections] = {}
    read = review.last_reading(done.rows, systems)
    for own in (row for row in done.rows if row.own):
        name, best = cascades.best_system(own.name, table, systems)
        system, scores = systems[name][best], table.scores_of(name, best)
        _, rejections = model_folder.model_folder_stage(done.run, own, system, scores, done.detected)
        read = review.reading(own, name, system)
    report.write_report(done.run, table, done.rows, done.detected, done.lifted, rejections)
    review.write_review(done.run, done.rows, done.detected, done.lifted.folder, read)
    return table


def _recognise(done: PreparedRows) -> SignTable:
    """The end of a run on isolated signs: table, model folder, report."""
    systems, table = signs.train_and_score(done.run, done.rows)
    table.write(done.run.folder)
    rejections: dict[str, Rejections] = {}
    shown = done.rows[-1]
    for own in (row for row in done.rows if row.own):
        best = table.best_seed(own.name)
        scores = table.scores_of(own.name, best)
        _, rejections = model_folder.model_folder_stage(done.run, own, systems[own.name][best], scores, done.detected)
        shown = own
    report.write_report(done.run, table, done.rows, done.detected, done.lifted, rejections)
    found = signs.guesses_of(systems[shown.name][table.best_seed(shown.name)].done.folder, review.SPLIT)
    read = review.guesses(shown, found)
    review.write_review(done.run, done.rows, done.detected, done.lifted.folder, read)
    return table


def prepare_rows(
    config: RunConfig,
    folder: Path,
    corpus: Path | None = None,
    reuse: Sequence[Path] = (),
    spread: Spread | None = None,
    team: Team | None = None,
) -> PreparedRows:
    """The chain from the corpus to the poses of all rows, refiners trained. Arguments and errors as in `run`."""
    tokenizer(config.translate.score_tokens)  # one that is not installed is told before hours of work
    require_place(folder)
    check_given(config)
    write_text(folder / CONFIG, config.model_dump_json(indent=1))
    write_text(folder / "versions.json", report.versions())
    context = replace(run_on_corpus(config, folder, corpus, tuple(reuse)), spread=spread, team=team)
    check_refine_2d(context)
    plans = _wanted_plans(context)
    if any(plan.own for plan in plans):
        require_dev(context.corpus)
    detected = _poses(context)
    repaired = refine_2d(context, detected)
    lifted = _lift(context, repaired)
    return PreparedRows(context, detected, lifted, [plan.row(repaired, lifted) for plan in plans])


def _poses(run: Run) -> Detected:
    """2D poses of all parts."""
    if run.rendered:
        sources = rendered_sources(run.corpus)
    else:
        sources = {s: {c.name: c.source for c in run.corpus.split(s) if c.source} for s in layout.SPLITS}
    estimator, workers = run.config.estimator, run.config.workers
    spans, fps = spans_of(run.corpus), folder_rate(run.corpus)
    check_weights(estimator)
    values, weights = estimator.portable(), weights_digests(estimator)
    # Kept when only the corpus changes: a clip is known by the bytes of its own pictures.
    cache = keyed_folder(run.folder / CLIPS, stage_key(values, weights, ("slt.estimators.registry",)))
    estimated = run.stage(
        "estimate",
        run.folder / ESTIMATED,
        partial(
            estimate_corpus,
            sources,
            run.corpus.description.y_scale,
            estimator,
            cache,
            workers=workers,
            spans=spans,
            fps=fps,
            spread=run.spread,
        ),
        values,
        (run.corpus_key, *weights),
    )
    list_bad_clips(run.corpus, sources, estimated.folder, run.folder / BAD_CLIPS)
    parts = {part: estimated.folder / part for part in sources}
    if not run.rendered:
        return Detected(estimated, parts)
    simulated = run.stage(
        "simulate",
        run.folder / "poses",
        partial(simulate_rest, run.corpus, estimated.folder, seed=run.config.seed, workers=workers),
        {"seed": run.config.seed},
        (estimated,),
    )
    made = {part: simulated.folder / part for part in SIMULATED}
    sample: dict[str, Path] = {}
    if run.config.resynth is not None:
        sample = {part: parts[part] for part in ("dev", "test")}
        made |= {part: simulated.folder / part for part in sample}
    return Detected(simulated, parts | made, sample)


def _lift(run: Run, detected: Detected) -> Done:
    """3D poses of all parts in `lifted/<part>/`; of the true 2D of dev and test in `lifted/true-<part>/`."""
    parts = dict(detected.parts)
    if run.rendered:
        parts |= {f"true-{part}": run.corpus.root / "truth2d" / part for part in ("dev", "test")}
    return _lift_stage(run, detected, parts, run.config.lift, "lift", LIFTED)


def _lift_stage(
    run: Run, detected: Detected, parts: dict[str, Path], lift: LiftOptions, name: str, folder: str
) -> Done:
    inputs: tuple[Done | str, ...] = (detected.done,)
    if weights := lift_weights(lift):
        build_lifter(lift)  # weights that cannot be used are told now, in one line
        inputs += (file_sha256(weights),)  # other weights of the same name make another stage
    work = partial(lift_parts, parts, lift, run.config.workers, spread=run.spread)
    return run.stage(name, run.folder / folder, work, lift.model_dump(exclude={"weights"}), inputs)


def _wanted_plans(run: Run) -> list[Plan]:
    """The rows that have a translator, of which one is the run's own system. InputError for a row that is none."""
    plans, wanted = _plans(run), run.config.rows
    known = [*plans, *([translators.GLOSS] if run.config.gloss2text and run.config.task == "translate" else [])]
    known += [SIGN2TEXT] if run.config.sign2text else []
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError(f"rows: there is no row {unknown[0]!r}; the rows of this run are {', '.join(known)}")
    return [plan for name, plan in plans.items() if not wanted or name in wanted]


def _plans(run: Run) -> dict[str, Plan]:
    """What makes each row, by its name and in the table's order."""
    name = run.config.refine.name
    plans: dict[str, Plan] = {}
    if run.config.flat_row:
        plans[FLAT_ROW] = Plan(lambda detected, _: _flat_row(run, detected))
    plans["raw"] = Plan(lambda _, lifted: Row("raw", "raw 3D skeletons", lifted, lifted.folder), name == "none")
    for smoother in run.config.smoothers:
        config = run.config.refine if smoother == name else REFINERS.parse({"name": smoother})
        plans[smoother] = _refined(run, smoother, REFINERS[smoother].about, config, smoother == name)
    if name == "skeletor":
        plans |= _skeletor_plans(run)
    elif name != "none" and name not in plans:
        plans[name] = _refined(run, name, REFINERS[name].about, run.config.refine, True)
    if run.rendered:
        plans["truth"] = Plan(lambda *_: Row("truth", "truth skeletons (the ceiling)", *_truth(run)))
    return plans


def _refined(run: Run, name: str, label: str, config: RefineOptions, own: bool) -> Plan:
    return Plan(lambda _, lifted: _refined_row(run, lifted, name, label, config), own)


def _flat_row(run: Run, detected: Detected) -> Row:
    """The same detections without depth, gaps filled as before the lift."""
    parts = {part: detected.parts[part] for part in (*layout.SPLITS, "negatives") if part in detected.parts}
    done = _lift_stage(run, detected, parts, FlatOptions(absent=run.config.lift.absent), "flat", "flat")
    return Row(FLAT_ROW, "raw 2D skeletons (x and y, no depth)", done, done.folder)


def _skeletor_plans(run: Run) -> dict[str, Plan]:
    """Skeletor as published, without any truth; where the truth of the training clips is known, with it; as shipped."""
    refine = run.config.refine
    if given_weights(refine):
        return {"skeletor": _refined(run, "skeletor", "Skeletor (given weights)", refine, True)}

    def trained(name: str, label: str, train: Callable[[Run, Done], Done], own: bool) -> Plan:
        def make(_: Detected, lifted: Done) -> Row:
            refiner = train(run, lifted)
            config = refine.model_copy(update={"weights": str(refiner.folder / REFINER_WEIGHTS)})
            return _refined_row(run, lifted, name, label, config, refiner)

        return Plan(make, own)

    both, shipped = run.rendered and run.config.motion_refiner, run.config.shipped_refiner
    plans = {"skeletor": trained("skeletor", "Skeletor, unsupervised", _refiner, not both and not shipped)}
    if both:
        label = "Skeletor, trained on known motion"
        plans["skeletor-motion"] = trained("skeletor-motion", label, _motion_refiner, not shipped)
    if shipped:
        given = refine.model_copy(update={"weights": str(SHIPPED)})
        label = "Skeletor, as it comes (trained on real people)"
        plans[SHIPPED_ROW] = _refined(run, SHIPPED_ROW, label, given, True)
    return plans


def _refiner(run: Run, lifted: Done) -> Done:
    """Unsupervised: from lifted detections of clear video, with what a worse detector makes of the same clips."""
    parts = ("studio", "studio_motion") if run.rendered else ("train",)
    degraded = lifted.folder / "studio_degraded" if run.rendered else None
    config = run.config.refiner_training
    return run.stage(
        "refiner",
        run.folder / "refiner",
        partial(
            train_skeletor, [lifted.folder / p for p in parts], degraded, config, run.config.seed, run.config.workers
        ),
        {"training": config.model_dump(), "seed": run.config.seed},
        (lifted,),
        trains=True,
    )


def _motion_refiner(run: Run, lifted: Done) -> Done:
    """From lifted detections of the training clips to their true motion."""
    truth, folder = _truth(run)
    config = run.config.motion_training
    return run.stage(
        "motion",
        run.folder / "refiner-motion",
        partial(
            train_on_motion, folder / "train", lifted.folder / "train", config, run.config.seed, run.config.workers
        ),
        {"training": config.model_dump(), "seed": run.config.seed},
        (lifted, truth),
        trains=True,
    )


def _refined_row(
    run: Run, lifted: Done, name: str, label: str, config: RefineOptions, refiner: Done | None = None
) -> Row:
    parts = (*layout.SPLITS, "negatives")
    work = partial(refine_parts, lifted.folder, parts, config, name, run.config.workers, spread=run.spread)
    values = config.model_dump(exclude={"weights"})
    inputs: tuple[Done | str, ...] = (lifted, refiner) if refiner else (lifted,)
    weights = given_weights(config)
    if weights and not refiner:
        build_refiner(config)  # weights that cannot be used are told at once, in one line
        inputs += (file_sha256(weights),)
    done = run.stage(name, run.folder / "refined" / name, work, values, inputs)
    return Row(name, label, done, done.folder, refiner)


def _truth(run: Run) -> tuple[Done, Path]:
    work = partial(normalise_truth, run.corpus.root, layout.SPLITS)
    done = run.stage("truth", run.folder / "truth", work, {}, (run.corpus_key,))
    return done, done.folder
