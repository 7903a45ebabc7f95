"""All experiments by name: what each makes, what it needs, how long it takes, and which page shows it.

`python -m experiments --list` prints this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from experiments import pages, sample
from experiments.ablations import anonymise, chain, hand_ranges, network, smoothers, sparse, speed, transfer
from experiments.benchmarks import bench, device, live
from experiments.long import recordings, turns
from experiments.long import table as long_takes
from experiments.long import training as segmenter_training
from experiments.long.config import LongConfig
from experiments.people import refusals
from experiments.people import table as people
from experiments.people.arms import table as arms
from experiments.people.arms.fit import ArmsConfig
from experiments.people.config import RealConfig
from experiments.people.harmless import training as harmless
from experiments.people.harmless.config import HarmlessExperiment
from experiments.people.shares import table as shares
from experiments.people.shares.config import SharesConfig
from experiments.portable import portable
from experiments.readers import ensemble as readers
from experiments.readers import gloss2text, levers, pretraining, recognition, repair_shares, sign2text
from experiments.report import Result, write_result
from experiments.request import RUNS, Request
from experiments.scale import serving, shards
from experiments.scale.plan import page as scale_plan
from experiments.tables import detector, figures, known, real, refiners2d, renew
from experiments.tables.config import (
    AblationTable,
    DetectorTable,
    GapTable,
    MaskTable,
    NoiseTable,
    RealTable,
    TableConfig,
    load_table,
    quick,
)
from experiments.tables.lifters import h36m
from experiments.tables.lifters import table as lifters
from skeletor.support.config import C, Config
from slt.pipeline.cache.stage import stage_key

HERE = Path(__file__).parent
T = TypeVar("T", bound=Config)
TABLES: dict[type[TableConfig], Callable[[Any, Path], Result]] = {
    MaskTable: known.make_masks,
    NoiseTable: known.make_noise,
    GapTable: known.make_gaps,
    DetectorTable: detector.make,
    RealTable: real.make,
    AblationTable: network.make,
}
RESULTS_PAGE, LIFTERS_PAGE, SKELETOR_PAGE = "docs/results.md", "docs/lifters.md", "docs/skeletor.md"
RUN, ANNOTATION = "a finished demo run", "--corpus: PHOENIX14T's annotation"


@dataclass(frozen=True)
class Experiment(Generic[T]):
    """One entry. makes, needs: in words. minutes: on 2 cores, None if that was not measured. page: that shows it.

    load: its config, checked. make: the work. work: folder of what it keeps, below runs/. config: its YAML file, below
    this folder. result: name of its files, by default its own. without_run: rows of a run that is not there are left
    out.
    """

    makes: str
    load: Callable[[Request], T]
    make: Callable[[Request, T], object]
    work: str
    needs: str = ""
    minutes: int | None = None
    page: str = ""
    config: str = ""
    result: str = ""
    without_run: bool = False

    @property
    def file(self) -> Path | None:
        """The YAML file, if there is one."""
        return HERE / self.config if self.config else None

    @property
    def folder(self) -> Path:
        """Of what it keeps."""
        return RUNS / self.work

    def signature(self, config: T) -> str:
        """A hash of the config and of all the code that makes the result: two results of one signature are alike."""
        code = TABLES[type(config)] if isinstance(config, TableConfig) else self.make
        return stage_key(portable(config.model_dump(mode="json")), (), (code,))


def _checked(kind: type[C]) -> Callable[[Request], C]:
    """What loads a config of a kind."""

    def load(request: Request) -> C:
        return request.load(kind)

    return load


def load_refiner_table(request: Request) -> TableConfig:
    """A table or an ablation of the refiner, of the kind that its file tells; --run in place of the file's run."""
    assert request.config is not None
    changes = dict(request.changes)
    config = load_table(request.config, changes)
    if request.run is not None and isinstance(config, DetectorTable):
        config = load_table(request.config, {**changes, "run": str(request.run)})
    if request.smoothers:
        renew.check(config)
    return quick(config) if request.quick else config


def make_refiner_table(request: Request, config: TableConfig) -> None:
    """Train what is missing, test, write."""
    title, about = f"Table {config.number}. {config.title}", request.about(config, config.seed)
    if request.smoothers:
        result, about = renew.renewed(config, request, about)
    else:
        result = TABLES[type(config)](config, request.work)
    write_result(result, request.results, request.name, title, about)


def _refiner(makes: str, file: str, needs: str = "") -> Experiment[TableConfig]:
    """A table or an ablation of the refiner."""
    return Experiment(
        makes, load_refiner_table, make_refiner_table, "refiner", needs=needs, page=RESULTS_PAGE, config=file
    )


def _h36m(name: str, makes: str) -> Experiment[h36m.BenchmarkTable]:
    return Experiment(
        makes, _checked(h36m.BenchmarkTable), h36m.make, name, needs="the data set's files, a GPU", page=LIFTERS_PAGE,
        config=f"tables/lifters/{name}.yaml",
    )  # fmt: skip


_TABLES: dict[str, Experiment[Any]] = {
    "table1": _refiner("masked frames, beside the paper's Table 1", "tables/table1.yaml"),
    "table2": _refiner("masked joints, beside the paper's Table 2", "tables/table2.yaml"),
    "table3": _refiner("noise on frames, beside the paper's Table 3", "tables/table3.yaml"),
    "table4": _refiner("noise on joints, beside the paper's Table 4", "tables/table4.yaml"),
    "table5": _refiner("gaps by length and speed", "tables/table5.yaml"),
    "table6": _refiner("real detections of rendered video", "tables/table6.yaml", RUN),
    "table7": _refiner("real sequences, one left out at a time", "tables/table7.yaml", "../shared/data"),
    "figures": Experiment(
        "the paper's Figures 3 to 7, curves of gaps and noise",
        _checked(figures.FiguresConfig), figures.make, "refiner",
        needs=f"the tables; figure 7: {RUN}", page=RESULTS_PAGE,
    ),
    "lifters": Experiment(
        "all lifters in millimetres",
        _checked(lifters.LiftersTable), lifters.make, ".", needs=f"{RUN}, or simulated errors",
        page=LIFTERS_PAGE, config="tables/lifters/lifters.yaml",
    ),
    "arms": Experiment(
        "what inverse kinematics believes of arms, fitted to captured people and judged on captured signing",
        _checked(ArmsConfig), arms.make, "arms", needs="motion capture in ../shared", page=LIFTERS_PAGE,
        config="people/arms.yaml",
    ),
    "chain_lifters": Experiment(
        "a translator for every lifter", chain.load, chain.make, "chain_lifters", needs=f"{RUN}, lifters",
        page=LIFTERS_PAGE, config="ablations/chain_lifters.yaml",
    ),
    "port": Experiment(
        "2D refiners on the Panoptic hands",
        _checked(refiners2d.PortTable), refiners2d.make, "port",
        needs="the hands in ../shared", page=SKELETOR_PAGE, config="tables/port.yaml",
    ),
    "refine2d": Experiment(
        "2D refiners in the chain",
        _checked(refiners2d.Refine2DTable), refiners2d.make_in_chain, "refine2d", needs=RUN,
        page=SKELETOR_PAGE,
    ),
    "gloss2text": Experiment(
        "Gloss2Text on PHOENIX14T's text",
        _checked(gloss2text.Gloss2TextConfig), gloss2text.make, "gloss2text",
        needs=ANNOTATION, minutes=32, page="docs/phoenix14t.md", config="readers/gloss2text.yaml",
    ),
    "gloss2text-tried": Experiment(
        "its recipes that were tried, on dev",
        _checked(gloss2text.Gloss2TextConfig), gloss2text.make_tried, "gloss2text",
        needs=ANNOTATION, page="docs/phoenix14t.md", config="readers/gloss2text.yaml", result="gloss2text",
    ),
    "recognition": Experiment(
        "what repair is worth to a reader: WER, and BLEU of its glosses translated",
        _checked(recognition.RecognitionConfig), recognition.make, "recognition",
        needs=f"a finished run on PHOENIX14T re-synthesised; {ANNOTATION}", page="docs/phoenix14t.md",
        config="readers/recognition.yaml",
    ),
    "readers": Experiment(
        "several readers together: a second seed, or a second view by repair",
        _checked(readers.ReadersConfig), readers.make, "recognition",
        needs=f"what `recognition` trained with seeds 1 and 2; {ANNOTATION}", page="docs/phoenix14t.md",
        config="readers/readers.yaml",
    ),
    "pretraining": Experiment(
        "what pretraining without glosses is worth to a recogniser of few sentences",
        _checked(pretraining.PretrainingConfig), pretraining.make, "pretraining",
        needs=f"a finished run on PHOENIX14T re-synthesised; {ANNOTATION}; Gloss2Text", page="docs/recognition.md",
        config="readers/pretraining.yaml",
    ),
    "pretraining_curve": Experiment(
        "the same with a quarter of the sentences and with all",
        _checked(pretraining.PretrainingConfig), pretraining.make, "pretraining",
        needs=f"a finished run on PHOENIX14T re-synthesised; {ANNOTATION}; Gloss2Text", page="docs/recognition.md",
        config="readers/pretraining_curve.yaml",
    ),
    "repair_shares": Experiment(
        "what repair is worth to a reader that has few sentences",
        _checked(repair_shares.RepairSharesConfig), repair_shares.make, "repair_shares",
        needs=f"a finished run on PHOENIX14T re-synthesised; {ANNOTATION}", page="docs/phoenix14t.md",
        config="readers/repair_shares.yaml",
    ),
    "levers": Experiment(
        "what single choices of a recogniser's recipe are worth",
        _checked(levers.LeversConfig), levers.make, "levers",
        needs=f"a finished run on PHOENIX14T re-synthesised; {ANNOTATION}; Gloss2Text", page="docs/recognition.md",
        config="readers/levers.yaml",
    ),
    "long": Experiment(
        "segmenters on long takes: boundaries, false seconds, BLEU-4 of the subtitles",
        _checked(LongConfig), long_takes.make, "long", needs=RUN, page="docs/translate.md", config="long/long.yaml",
    ),
    "recordings": Experiment(
        "memory and CPU time of long recordings, and what a kill costs",
        _checked(recordings.RecordingsConfig), recordings.make, "recordings", needs=f"{RUN}; Linux",
        page="docs/translate.md",
    ),
    "turns": Experiment(
        "who signs in recordings of several people who sign in turns",
        _checked(turns.TurnsConfig), turns.make, "turns", needs=RUN, page="docs/translate.md", config="long/turns.yaml",
    ),
    "segmenter": Experiment(
        "the network of segments that comes with the package, trained on long takes",
        _checked(segmenter_training.SegmenterConfig), segmenter_training.make, "segmenter", needs=RUN,
        page="docs/translate.md", config="long/segmenter.yaml",
    ),
    "real": Experiment(
        "lifters and repair on real people: signs read, gaps repaired, arms in 3D",
        _checked(RealConfig), people.make, "real", needs="recordings of people, by default in ../shared; "
        "unsupervised Skeletor: a finished demo run", page="docs/real_people.md", config="people/real.yaml",
        without_run=True,
    ),
    "repair_people": Experiment(
        "hidden hands and frames of real people: what repair leaves of a carried line's error",
        _checked(SharesConfig), shares.make, "repair_people", needs="recordings of people, by default in ../shared; "
        "trained Skeletors: a finished demo run", page="docs/skeletor.md", config="people/repair_people.yaml",
        without_run=True,
    ),
    "abstention_people": Experiment(
        "how often the model refuses real people, and by which signal",
        _checked(refusals.RefusalsConfig), refusals.make, "abstention_people",
        needs="recordings of people, by default in ../shared; --run: its model in place of the package's",
        page="docs/abstention.md", config="people/abstention_people.yaml",
    ),
    "harmless": Experiment(
        "the refiner that comes with the package, trained on real people; its errors on people left out",
        _checked(HarmlessExperiment), harmless.make, "harmless", needs="recordings of people, by default in ../shared; "
        "the wheel of spoken-to-signed", page=SKELETOR_PAGE, config="people/harmless.yaml",
    ),
    "sign2text": Experiment(
        "Sign2Text on the rendered signer",
        _checked(sign2text.Sign2TextExperiment), sign2text.make, "sign2text", minutes=27,
        page="docs/sign2text.md", config="readers/sign2text.yaml",
    ),
    "h36m_uplift_351": _h36m("h36m_uplift_351", "Human3.6M, Uplift and Upsample, N = 351"),
    "h36m_uplift_81": _h36m("h36m_uplift_81", "Human3.6M, Uplift and Upsample, N = 81"),
    "h36m_anatomy_243": _h36m("h36m_anatomy_243", "Human3.6M, anatomy, 243 frames"),
    "h36m_anatomy_81": _h36m("h36m_anatomy_81", "Human3.6M, anatomy, 81 frames"),
    "h36m_3dhp_uplift_81": _h36m("h36m_3dhp_uplift_81", "MPI-INF-3DHP, Uplift and Upsample, N = 81"),
}  # fmt: skip
_ABLATIONS: dict[str, Experiment[Any]] = {
    "ablations": _refiner("parts of the refiner's network and training", "ablations/ablations.yaml"),
    "candidates": _refiner("candidates for the refiner's network", "ablations/candidates.yaml"),
    "candidates_more": _refiner("more candidates", "ablations/candidates_more.yaml"),
    "chain": Experiment(
        "one change at a time to the chain", chain.load, chain.make, "chain", needs=f"{RUN} (saves time)",
        page=RESULTS_PAGE, config="ablations/chain.yaml",
    ),
    "sparse": Experiment(
        "2D on every N-th frame",
        _checked(sparse.SparseJob), sparse.make, "sparse", needs=f"{RUN}; see make sparse", minutes=40,
        page="docs/sparse.md", config="ablations/sparse.yaml",
    ),
    "speed": Experiment(
        "CPU time of 2D estimation, and what less of it costs",
        _checked(speed.SpeedJob), speed.make, "speed", needs=RUN, minutes=12,
        page="docs/sparse.md", config="ablations/speed.yaml",
    ),
    "detectors": Experiment(
        "the heavy pose model, and a second detector for lost hands: found, error, CPU time, WER",
        _checked(speed.SpeedJob), speed.make, "detectors", needs=f"{RUN}; the heavy model's weights",
        page="docs/sparse.md", config="ablations/detectors.yaml",
    ),
    "hand_ranges": Experiment(
        "ranges of the hand model's tensors, which `--pose-speed faster` puts into 8-bit integers",
        _checked(hand_ranges.RangesConfig), hand_ranges.make, "hand_ranges", needs=RUN, minutes=1,
        page="docs/sparse.md",
    ),
    "transfer": Experiment(
        "translators on other rows' poses",
        _checked(transfer.TransferConfig), transfer.make, "transfer", needs=RUN,
        page=RESULTS_PAGE,
    ),
    "compare-rows": Experiment(
        "a row of two runs, paired",
        _checked(transfer.RowsConfig), transfer.make_rows, "compare-rows",
        needs="--set first=DIR, first_row=ROW, second=DIR, second_row=ROW", page=RESULTS_PAGE,
    ),
    "anonymise": Experiment(
        "what --anonymise leaves of a signer, and what it costs a reader",
        _checked(anonymise.AnonymiseConfig), anonymise.make, "anonymise", needs="a demo run, with its reader for WER",
        minutes=1, page=SKELETOR_PAGE,
    ),
    "smoothers": Experiment(
        "how the smoothers' defaults were found",
        _checked(smoothers.SmoothersConfig), smoothers.make, "smoothers",
    ),
}  # fmt: skip
_OTHERS: dict[str, Experiment[Any]] = {
    "bench": Experiment(
        "speed of every stage beside a peer",
        _checked(bench.BenchConfig), bench.make, "bench", needs="idle cores",
        page=RESULTS_PAGE,
    ),
    "gpu-bench": Experiment(
        "launches, waits and flops of a training step; on a GPU also its speed beside the card's peak",
        _checked(device.GpuBenchConfig), device.make, "gpu-bench", minutes=5, page="docs/scale.md",
    ),
    "serving": Experiment(
        "many uploads at once to slt serve: none lost, their order, memory",
        _checked(serving.ServingConfig), serving.make, "serving", needs="Linux", page="docs/serve.md",
    ),
    "shards": Experiment(
        "slt shards by each engine: the same bytes, deaths and full disks, what the engines cost",
        _checked(shards.ShardsConfig), shards.make, "shards", needs="Linux, root; submitit, ray", page="docs/scale.md",
    ),
    "scale_plan": Experiment(
        "25 million frames and a billion: shards, bytes, core hours, what breaks first; a million shards planned",
        _checked(scale_plan.PlanConfig), scale_plan.make, "scale_plan", needs="Linux", page="docs/scale.md",
    ),
    "live": Experiment(
        "slt live on two cores: frames a second, and how late the text comes",
        _checked(live.LiveBench), live.make, "live", minutes=6, page="docs/live.md",
    ),
    "claims": Experiment(
        "the table of shares on its page",
        _checked(pages.NoOptions), pages.make_claims, "pages", needs="tables 1 to 7",
        minutes=1, page=RESULTS_PAGE,
    ),
    "lifters-page": Experiment(
        "the table of lifters on its page",
        _checked(pages.NoOptions), pages.make_lifters, "pages",
        needs="lifters, chain_lifters", minutes=1, page=LIFTERS_PAGE,
    ),
    "run-page": Experiment(
        "a run's tables on their pages",
        _checked(pages.RunPage), pages.make_run, "pages",
        needs="--run DIR --set config=configs/demo.yaml", minutes=1, page="README.md, docs",
    ),
    "sample": Experiment(
        "the model and the clip that come with the package",
        _checked(sample.SampleConfig), sample.make, "pages", needs=RUN, minutes=1, page="docs/quickstart.md",
    ),
    "picture": Experiment(
        "the README's picture",
        _checked(pages.Picture), pages.make_picture, "pages", needs=RUN, minutes=1, page="README.md",
    ),
}  # fmt: skip
EXPERIMENTS: dict[str, Experiment[Any]] = {**_TABLES, **_ABLATIONS, **_OTHERS}
