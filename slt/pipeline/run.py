"""`slt run`: from corpus to table; each stage is skipped when nothing that it needs has changed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from skeletor.atomic import write_text
from skeletor.errors import InputError
from skeletor.io.store import open_store, write_store
from skeletor.normalise import normalise
from skeletor.pose import file_sha256
from skeletor.refiners import RefineConfig, build_refiner
from slt.corpus import build, layout
from slt.corpus.frames import fingerprint
from slt.lift import build_lifter
from slt.pipeline import model, report, training
from slt.pipeline import poses as pose_stages
from slt.pipeline.config import RunConfig
from slt.pipeline.context import CORE_CODE, Detected, Row, Run
from slt.pipeline.mapping import map_stores
from slt.pipeline.stage import Done, keyed_folder, run_stage, stage_key
from slt.pipeline.table import Table

BAD_CLIPS = "bad_clips.tsv"  # in the run's folder: which clips have no pose, and why
_CORPUS = tuple(f"slt/corpus/{m}" for m in ("build", "camera", "grammar", "handshapes", "layout", "lexicon", "look",
                                            "motion", "render", "signers"))  # fmt: skip
# Parts that have simulated detections, see `simulate_rest`.
SIMULATED = ("train", "studio_motion", "studio_degraded")
# Every part of a rendered corpus that is lifted.
PARTS_OF_RUN = ("train", "dev", "test", "studio", "studio_motion", "studio_degraded", "negatives")
_NETWORK = tuple(
    f"skeletor/{m}" for m in ("model", "temporal_mlp", "networks", "fill", "hands", "windows", "quantise", "weights")
)
_REFINER = (
    *_NETWORK,
    *(f"skeletor/{m}" for m in ("refiners", "network_refiner", "stream", "smooth", "smoothers", "kalman")),
)
_TRAINING = (*_NETWORK, *(f"skeletor/{m}" for m in ("training", "training_loop", "checkpoint", "feed", "devices",
                                                    "training_config", "objective", "corrupt")))  # fmt: skip


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
    own = next(row for row in rows if row.own)
    _, rejections = model.build_model(context, own, systems[own.name], table.scores_of(own.label), detected)
    report.write_report(context, table, rows, detected, lifted, rejections)
    return table


def _with_corpus(config: RunConfig, folder: Path, path: Path | None) -> Run:
    if path is not None:
        corpus = layout.read_corpus(path)
        bare = [split for split in layout.SPLITS if not any(clip.source for clip in corpus.split(split))]
        if bare:
            raise InputError(f"{corpus.root}: no pictures of {', '.join(bare)}; `slt data check` tells what is there")
        return Run(config, folder, corpus, fingerprint(corpus))
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
    estimator, code = run.config.estimator, (*CORE_CODE, "slt/estimate", "slt/video")
    # Kept when only the corpus changes: a clip is known by the bytes of its own pictures.
    cache = keyed_folder(run.folder / "clips", stage_key(estimator.model_dump(), (), code))
    estimated = run_stage(
        "estimate",
        run.folder / "estimated",
        lambda out: pose_stages.estimate_corpus(
            sources, run.corpus.description.y_scale, estimator, cache, out, run.config.workers
        ),
        estimator.model_dump(),
        (run.corpus_key,),
        code,
    )
    pose_stages.list_bad_clips(run.corpus, sources, estimated.folder, run.folder / BAD_CLIPS)
    parts = {part: estimated.folder / part for part in sources}
    if not run.rendered:
        return Detected(estimated, parts)
    simulated = run_stage(
        "simulate",
        run.folder / "poses",
        lambda out: pose_stages.simulate_rest(run.corpus, estimated.folder, out, run.config.seed, run.config.workers),
        {"seed": run.config.seed},
        (estimated,),
        (*CORE_CODE, "slt/corpus/noise", "slt/corpus/noise_bank", "slt/corpus/noise_events", "slt/pipeline/poses"),
    )
    return Detected(simulated, parts | {part: simulated.folder / part for part in SIMULATED})


def _lift(run: Run, detected: Detected) -> Done:
    """3D poses of all parts in `lifted/<part>/`; of the true 2D of dev and test in `lifted/true-<part>/`."""

    def work(out: Path) -> None:
        folders = {folder: out / part for part, folder in detected.parts.items()}
        if run.rendered:
            folders |= {run.corpus.root / "truth2d" / part: out / f"true-{part}" for part in ("dev", "test")}
        map_stores(folders, partial(build_lifter, run.config.lift), "lift", run.config.workers)

    lift = run.config.lift
    inputs: tuple[Done | str, ...] = (detected.done,)
    if lift.weights:
        build_lifter(lift)  # weights that cannot be used are told now, in one line
        inputs += (file_sha256(lift.weights),)  # other weights of the same name make another stage
    return run_stage("lift", run.folder / "lifted", work, lift.model_dump(), inputs, (*CORE_CODE, "slt/lift"))


def _rows(run: Run, lifted: Done) -> list[Row]:
    """The rows that have a translator, with their poses made. One of them is the run's own system."""
    name = run.config.refine.name
    savgol = RefineConfig(name="savgol")
    rows = [Row("raw", "raw 3D skeletons", lifted, lifted.folder, own=name == "none")]
    rows.append(_refined_row(run, lifted, "savgol", "linear + Savitzky-Golay", savgol, own=name == "savgol"))
    if name == "skeletor":
        rows += _skeletor_rows(run, lifted)
    elif name not in ("none", "savgol"):
        rows.append(_refined_row(run, lifted, name, name, run.config.refine, own=True))
    if run.rendered:
        rows.append(Row("truth", "truth skeletons (the ceiling)", *_truth(run)))
    return rows


def _skeletor_rows(run: Run, lifted: Done) -> list[Row]:
    """Skeletor as published, without any truth; and, where the truth of the training clips is known, with it."""
    refine = run.config.refine
    if refine.weights:
        return [_refined_row(run, lifted, "skeletor", "Skeletor (given weights)", refine, own=True)]
    with_truth = run.rendered and run.config.motion_refiner
    trained = [("skeletor", "Skeletor, unsupervised", _refiner(run, lifted))]
    if with_truth:
        trained.append(("skeletor-motion", "Skeletor, trained on known motion", _motion_refiner(run, lifted)))
    rows = []
    for name, label, refiner in trained:
        config = refine.model_copy(update={"weights": str(refiner.folder / training.REFINER_WEIGHTS)})
        rows.append(_refined_row(run, lifted, name, label, config, refiner, own=refiner is trained[-1][2]))
    return rows


def _refiner(run: Run, lifted: Done) -> Done:
    """Unsupervised: from lifted detections of clear video, with what a worse detector makes of the same clips."""
    parts = ("studio", "studio_motion") if run.rendered else ("train",)
    degraded = lifted.folder / "studio_degraded" if run.rendered else None
    config = run.config.refiner_training
    return run_stage(
        "refiner",
        run.folder / "refiner",
        lambda out: training.train_skeletor(
            [lifted.folder / p for p in parts], degraded, config, run.config.seed, run.config.workers, out
        ),
        {"training": config.model_dump(), "seed": run.config.seed},
        (lifted,),
        (*CORE_CODE, *_TRAINING),
    )


def _motion_refiner(run: Run, lifted: Done) -> Done:
    """From lifted detections of the training clips to their true motion."""
    truth, folder = _truth(run)
    config = run.config.motion_training
    return run_stage(
        "motion",
        run.folder / "refiner-motion",
        lambda out: training.train_on_motion(
            folder / "train", lifted.folder / "train", config, run.config.seed, run.config.workers, out
        ),
        {"training": config.model_dump(), "seed": run.config.seed},
        (lifted, truth),
        (*CORE_CODE, *_TRAINING),
    )


def _refined_row(
    run: Run, lifted: Done, name: str, label: str, config: RefineConfig, refiner: Done | None = None, own: bool = False
) -> Row:
    def work(out: Path) -> None:
        folders = {lifted.folder / part: out / part for part in (*layout.SPLITS, "negatives")}
        map_stores(folders, partial(build_refiner, config), name, run.config.workers)

    values = config.model_dump(exclude={"weights"} if refiner else set())
    inputs = (lifted, refiner) if refiner else (lifted,)
    folder = run.folder / "refined" / name
    done = run_stage(name, folder, work, values, inputs, (*CORE_CODE, *_REFINER))
    return Row(name, label, done, folder, refiner, own)


def _truth(run: Run) -> tuple[Done, Path]:
    def work(out: Path) -> None:
        for part in layout.SPLITS:
            truth = open_store(run.corpus.root / "truth" / part)
            write_store(out / part, ((name, normalise(truth[name])) for name in sorted(truth)))

    assert isinstance(run.corpus_key, Done)
    done = run_stage("truth", run.folder / "truth", work, {}, (run.corpus_key,), CORE_CODE)
    return done, done.folder
