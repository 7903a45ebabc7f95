"""`slt run`: from corpus to table; each stage is skipped when nothing that it needs has changed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from skeletor.atomic import write_text
from skeletor.errors import InputError
from skeletor.io.store import open_store, write_store
from skeletor.normalise import normalise
from skeletor.refiners import NETWORKS, SMOOTHERS, RefineConfig, build_refiner
from slt.corpus import build, layout
from slt.lift import build_lifter
from slt.pipeline import model, report, training
from slt.pipeline import poses as pose_stages
from slt.pipeline.config import RunConfig
from slt.pipeline.context import CORE_CODE, Detected, Row, Run
from slt.pipeline.mapping import map_stores
from slt.pipeline.stage import Done, run_stage
from slt.pipeline.table import Table

_CORPUS = tuple(f"slt/corpus/{m}" for m in ("build", "camera", "grammar", "handshapes", "layout", "lexicon", "look",
                                            "motion", "render", "signers"))  # fmt: skip
# Parts that have simulated detections, see `simulate_rest`.
SIMULATED = ("train", "studio_motion", "studio_degraded")
# Every part of a rendered corpus that is lifted.
PARTS_OF_RUN = ("train", "dev", "test", "studio", "studio_motion", "studio_degraded", "negatives")
# The row whose system goes into the model folder, where its name is not the refiner's.
OWN_ROW = {"none": "raw"}
_NETWORK = tuple(f"skeletor/{m}" for m in ("model", "temporal_mlp", "networks", "fill", "hands", "windows", "weights"))
_REFINER = (*_NETWORK, *(f"skeletor/{m}" for m in ("refiners", "network_refiner", "smooth", "smoothers", "kalman")))
_TRAINING = (*_NETWORK, "skeletor/training", "skeletor/training_config", "skeletor/objective", "skeletor/corrupt")


def run(config: RunConfig, folder: Path, corpus: Path | None = None) -> Table:
    """Run the whole chain in `folder` and return its table.

    corpus: a data set in PHOENIX14T's layout; None renders one. What is done and unchanged is kept.
    """
    write_text(folder / "config.json", config.model_dump_json(indent=1))
    write_text(folder / "versions.json", report.versions())
    context = _with_corpus(config, folder, corpus)
    detected = _poses(context)
    lifted = _lift(context, detected)
    rows = _rows(context, lifted)
    systems = training.train_rows(context.config, context.corpus, rows, folder)
    table = report.make_table(context, rows, systems)
    table.write(folder)
    own = next(row for row in rows if row.name == OWN_ROW.get(config.refine.name, config.refine.name))
    scores = table.scores_of(own.label)
    refiner = _refiner(context, lifted) if own.name in NETWORKS else None
    _, rejections = model.build_model(context, own, systems[own.name], scores, detected, refiner)
    report.write_report(context, table, rows, detected, lifted, rejections)
    return table


def _with_corpus(config: RunConfig, folder: Path, path: Path | None) -> Run:
    if path is not None:
        corpus = layout.read_corpus(path)
        if not any(clip.source for clip in corpus.clips):
            raise InputError(f"{corpus.root}: no pictures found under {layout.features_path(corpus.root, 'train')}")
        return Run(config, folder, corpus, f"{corpus.root.resolve()}:{len(corpus.clips)}")
    done = run_stage(
        "corpus",
        folder / "corpus",
        lambda out: _ignore(build.render_corpus(config.corpus, out, config.workers)),
        config.corpus.model_dump(),
        (),
        (*CORE_CODE, *_CORPUS, "slt/video"),
    )
    return Run(config, folder, layout.read_corpus(done.folder), done)


def _ignore(_: object) -> None:
    """The stage's result lies in its folder."""


def _poses(run: Run) -> Detected:
    """2D poses of all parts."""
    if run.rendered:
        sources = pose_stages.rendered_sources(run.corpus)
    else:
        sources = {s: {c.name: c.source for c in run.corpus.split(s) if c.source} for s in layout.SPLITS}
    estimated = run_stage(
        "estimate",
        run.folder / "estimated",
        lambda out: pose_stages.estimate_corpus(
            sources, run.corpus.description.y_scale, run.config.estimator, out, run.config.workers
        ),
        run.config.estimator.model_dump(),
        (run.corpus_key,),
        (*CORE_CODE, "slt/estimate", "slt/video"),
    )
    parts = {part: estimated.folder / part for part in sources}
    if not run.rendered:
        return Detected(estimated, parts)
    simulated = run_stage(
        "simulate",
        run.folder / "poses",
        lambda out: pose_stages.simulate_rest(run.corpus, estimated.folder, out, run.config.seed, run.config.workers),
        {"seed": run.config.seed},
        (estimated,),
        (*CORE_CODE, "slt/corpus/noise", "slt/pipeline/poses"),
    )
    return Detected(simulated, parts | {part: simulated.folder / part for part in SIMULATED})


def _lift(run: Run, detected: Detected) -> Done:
    """3D poses of all parts in `lifted/<part>/`; of the true 2D of dev and test in `lifted/true-<part>/`."""

    def work(out: Path) -> None:
        folders = {folder: out / part for part, folder in detected.parts.items()}
        if run.rendered:
            folders |= {run.corpus.root / "truth2d" / part: out / f"true-{part}" for part in ("dev", "test")}
        map_stores(folders, partial(build_lifter, run.config.lift), "lift", run.config.workers)

    return run_stage(
        "lift", run.folder / "lifted", work, run.config.lift.model_dump(), (detected.done,), (*CORE_CODE, "slt/lift")
    )


def _rows(run: Run, lifted: Done) -> list[Row]:
    """The rows that have a translator, with their poses made."""
    rows = [Row("raw", "raw 3D skeletons", lifted, lifted.folder)]
    rows.append(_refined_row(run, lifted, RefineConfig(name="savgol"), "linear + Savitzky-Golay", ()))
    name = run.config.refine.name
    if name in NETWORKS:
        weights = _refiner(run, lifted)
        config = run.config.refine.model_copy(update={"weights": str(weights.folder / training.REFINER_WEIGHTS)})
        rows.append(_refined_row(run, lifted, config, "Skeletor" if name == "skeletor" else name, (weights,)))
    elif name in SMOOTHERS and name != "savgol":
        label = "linear interpolation" if name == "linear" else name
        rows.append(_refined_row(run, lifted, run.config.refine, label, ()))
    if run.rendered:
        rows.append(Row("truth", "truth skeletons (the ceiling)", *_truth(run)))
    return rows


def _refiner(run: Run, lifted: Done) -> Done:
    parts = ("studio", "studio_motion") if run.rendered else ("train",)
    degraded = lifted.folder / "studio_degraded" if run.rendered else None
    return run_stage(
        "refiner",
        run.folder / "refiner",
        lambda out: training.train_skeletor([lifted.folder / p for p in parts], degraded, run.config, out),
        {"training": run.config.refiner_training.model_dump(), "seed": run.config.seed},
        (lifted,),
        (*CORE_CODE, *_TRAINING),
    )


def _refined_row(run: Run, lifted: Done, config: RefineConfig, label: str, inputs: tuple[Done, ...]) -> Row:
    def work(out: Path) -> None:
        folders = {lifted.folder / part: out / part for part in (*layout.SPLITS, "negatives")}
        map_stores(folders, partial(build_refiner, config), config.name, run.config.workers)

    values = config.model_dump(exclude={"weights"})
    folder = run.folder / "refined" / config.name
    done = run_stage(config.name, folder, work, values, (lifted, *inputs), (*CORE_CODE, *_REFINER))
    return Row(config.name, label, done, folder)


def _truth(run: Run) -> tuple[Done, Path]:
    def work(out: Path) -> None:
        for part in layout.SPLITS:
            truth = open_store(run.corpus.root / "truth" / part)
            write_store(out / part, ((name, normalise(truth[name])) for name in sorted(truth)))

    assert isinstance(run.corpus_key, Done)
    done = run_stage("truth", run.folder / "truth", work, {}, (run.corpus_key,), CORE_CODE)
    return done, done.folder
