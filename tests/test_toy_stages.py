"""A stage of each kind is added from outside the package, in the steps of CONTRIBUTING.md: it then works everywhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field

from skeletor.lifters.base import LIFTERS, LiftOptions, checked, finish
from skeletor.lifters.choice import lift_values
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.span import Span
from skeletor.refiners.base import REFINERS, FunctionRefiner, RefineOptions
from skeletor.refiners.registry import build_refiner, smoother_names
from skeletor.refiners.smoothers.smooth import SmoothOptions, smoother
from skeletor.refiners2d.base import REFINERS_2D, FittedOptions, PartPoses, Refine2DOptions
from skeletor.refiners2d.fit import fit_refiner_2d
from skeletor.refiners2d.registry import build_refiner_2d
from skeletor.refiners2d.weights import FITTINGS, register_fitted, save_refiner_2d
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError
from slt.cli import doctor, stages, translate
from slt.cli.corpora import back_translate, run, score
from slt.estimators.base import ESTIMATORS, EstimateOptions, cut, record, seen, source_sha256
from slt.estimators.registry import build_estimator
from slt.inference.chain import make_refiner
from slt.inference.estimation import named_estimator
from slt.pipeline.config import RunConfig
from slt.translate.config import PRESETS, TranslateConfig
from slt.translate.joey.batches import Example
from slt.translate.train import train_translator
from slt.translate.translator import Translator
from tests.skeletor.refiners2d.parts2d import clips

CONFIG = """
estimator: {name: toy, pose_stride: 2, wave: 3.0}
refine2d: {name: toy, parts: [hand], pull: 0.5}
lift: {mode: toy, depth: 0.25}
refine: {name: toy, shift: 0.5}
smoothers: [savgol, toy-mean]
translate: {preset: toy, batch: 2}
"""


class ToyEstimateOptions(EstimateOptions):
    name: Literal["toy"] = "toy"
    wave: float = Field(1.0, gt=0)


class ToyEstimator:
    """Reads how many frames there are from a text file, and sees a signer who waves."""

    name, version = "toy", "7"

    def __init__(self, wave: float, pose_stride: int) -> None:
        self.options: Mapping[str, Any] = {"wave": wave, "pose_stride": pose_stride}
        self._wave, self._stride = wave, pose_stride

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        frames = int(source.read_text())
        pose = clips(1, 3, frames)[1]["clip0"]
        keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
        keypoints[:, 8:] += self._wave * np.sin(np.arange(frames))[:, None, None]
        left_out = np.arange(frames) % self._stride > 0
        keypoints[left_out], confidence[left_out] = np.nan, 0
        sha256 = source_sha256(source)
        provenance = seen(self, source, sha256, (640, 480))
        seen_all = PoseSequence(keypoints, confidence, 25.0, SIGNING_50, provenance)
        return cut(seen_all, span, source).replace(stage=record(self, sha256, span))


class ToyLiftOptions(LiftOptions):
    mode: Literal["toy"] = "toy"
    depth: float = 0.0


class ToyLifter:
    """Puts all joints at one depth."""

    name, version = "toy", "1"

    def __init__(self, depth: float) -> None:
        self._depth = depth

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        flat = checked(pose)
        points = np.nan_to_num(flat.keypoints)  # (T, 50, 2)
        depth = np.full((*points.shape[:2], 1), self._depth)
        stage = StageRecord("lift", self.version, {"mode": "toy", "depth": self._depth})
        return finish(flat, np.concatenate([points, depth], 2), flat.confidence, stage)

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        return [self(pose) for pose in poses]


class ToyRefineOptions(RefineOptions):
    name: Literal["toy"] = "toy"
    shift: float = 0.0


class ToyMeanOptions(SmoothOptions):
    name: Literal["toy-mean"] = "toy-mean"
    share: float = Field(0.5, ge=0, le=1)


def toy_mean(pose: PoseSequence, minimum_confidence: float, share: float) -> PoseSequence:
    """A smoother: joints drawn to their mean over time."""
    return pose.replace(pose.keypoints + share * (pose.keypoints.mean(0) - pose.keypoints))


class ToyRefine2DOptions(Refine2DOptions):
    name: Literal["toy-still"] = "toy-still"


class ToyFittedOptions(FittedOptions):
    name: Literal["toy"] = "toy"
    pull: float = Field(1.0, ge=0, le=1)


class ToyHeader(Config):
    joints: int


class ToyPart:
    """Takes a share of what a detector is off on average off each joint."""

    def __init__(self, bias: np.ndarray, pull: float) -> None:
        self.bias, self._pull = bias, pull

    def refine(self, points: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        return np.asarray(points - self._pull * self.bias)


class ToyFitting:
    """How a `ToyPart` is fitted, written and read."""

    header = ToyHeader

    def __init__(self, pull: float) -> None:
        self._pull = pull

    def fit(self, poses: PartPoses, seed: int) -> tuple[ToyPart, dict[str, Any]]:
        return ToyPart(np.nanmean(poses.detected - poses.truth, axis=0), self._pull), {"poses": len(poses.truth)}

    def pack(self, part: ToyPart, bones: list[tuple[int, int]]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        return {"bias": part.bias}, {"joints": len(part.bias)}

    def unpack(self, tensors: Mapping[str, np.ndarray], header: ToyHeader, joints: int) -> ToyPart:
        assert header.joints == joints == len(tensors["bias"])
        return ToyPart(tensors["bias"], self._pull)


def register_toys() -> None:
    """What stands beside the classes above, at the top of the file, in a package."""

    @ESTIMATORS.register(ToyEstimateOptions, "text files", lambda: None)
    def build_toy_estimator(options: ToyEstimateOptions) -> ToyEstimator:
        return ToyEstimator(options.wave, options.pose_stride)

    @LIFTERS.register(ToyLiftOptions, "all at one depth")
    def build_toy_lifter(options: ToyLiftOptions) -> ToyLifter:
        return ToyLifter(options.depth)

    @REFINERS.register(ToyRefineOptions, "all moved to the side")
    def build_toy_refiner(options: ToyRefineOptions) -> FunctionRefiner:
        record = {"shift": options.shift}
        return FunctionRefiner("toy", "1", lambda pose: pose.replace(pose.keypoints + options.shift), record)

    @REFINERS.register(ToyMeanOptions, "joints drawn to their mean")
    def build_toy_mean(options: ToyMeanOptions) -> FunctionRefiner:
        return smoother(options, toy_mean)

    @REFINERS_2D.register(ToyRefine2DOptions, "nobody moves")
    def build_toy_still(options: ToyRefine2DOptions) -> FunctionRefiner:
        return FunctionRefiner(options.name, "1", lambda pose: pose, {})

    @register_fitted(ToyFittedOptions, "no bias")
    def toy_fitting(options: ToyFittedOptions) -> ToyFitting:
        return ToyFitting(options.pull)

    values = TranslateConfig(layers=1, hidden=16, feed_forward=32, heads=2, max_updates=2, validate_every=2, beams=[1])
    PRESETS.register("toy", "for toys", values)


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys are known in this file alone: the registries are put back after each test."""
    for registry in (ESTIMATORS, LIFTERS, REFINERS, REFINERS_2D, FITTINGS, PRESETS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    register_toys()


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> RunConfig:
    (tmp_path / "run.yaml").write_text(CONFIG)
    return load_config(tmp_path / "run.yaml", RunConfig)


def test_a_config_has_their_options_and_can_be_written(config: RunConfig, tmp_path: Path) -> None:
    assert config.estimator == ToyEstimateOptions(pose_stride=2, wave=3.0)
    assert config.refine2d == ToyFittedOptions(parts=["hand"], pull=0.5)
    assert (config.lift, config.refine) == (ToyLiftOptions(depth=0.25), ToyRefineOptions(shift=0.5))
    assert (config.translate.preset, config.translate.hidden, config.translate.batch) == ("toy", 16, 2)
    assert config.smoothers == ["savgol", "toy-mean"]
    (tmp_path / "written.json").write_text(config.model_dump_json(indent=1))
    assert load_config(tmp_path / "written.json", RunConfig) == config


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("estimator: {name: toy, wave: 0.0}", "key 'estimator.wave'"),
        ("estimator: {wave: 2.0}", "key 'estimator.wave': an option of toy, not of mediapipe"),
        ("lift: {mode: toy, hand_reach: 1.0}", "key 'lift.hand_reach': an option of fast, not of toy"),
        ("refine: {name: toy, shft: 1.0}", "unknown key 'refine.shft'"),
        ("refine: {name: toys}", "'toy', 'toy-mean' or 'zero', got 'toys'"),
        ("refine2d: {name: gaussian, pull: 0.5}", "key 'refine2d.pull': an option of toy, not of gaussian"),
        ("smoothers: [toy-median]", "'toy-median' is none of"),
        ("translate: {preset: toys}", "none of demo, paper, ctc, tiny, toy"),
    ],
)
def test_mistakes_are_one_line_with_file_and_key(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_config(tmp_path / "run.yaml", RunConfig)
    told = str(caught.value)
    assert told.startswith(str(tmp_path / "run.yaml")) and line in told and "\n" not in told


def test_the_command_line_offers_them(tmp_path: Path) -> None:
    assert stages.make_parser("refine").parse_args(["x", "--refine", "toy"]).refine == "toy"
    assert translate.make_parser("translate").parse_args(["x", "--refine", "toy-mean"]).refine == "toy-mean"
    assert translate.make_parser("translate").parse_args(["x", "--refine2d", "toy"]).refine2d == "toy"
    assert score.make_parser("score").parse_args(["--poses", "x", "--refine", "toy"]).refine == "toy"
    assert back_translate.REFINERS is REFINERS and lift_values("toy") == {"mode": "toy"}
    assert named_estimator("toy") == ToyEstimateOptions() and make_refiner("toy").name == "toy"
    for parser in (stages.make_parser("view"), translate.make_parser("translate"), run.make_parser("run")):
        text = " ".join(parser.format_help().split())
        assert "poses, rtmlib, toy" in text and "fast, flat, reference, toy" in text  # estimators, lifters
    (tmp_path / "run.yaml").write_text("lift: {mode: fast, hand_reach: 1.0}\nrefine: {name: savgol, window: 9}\n")
    flags = ["--estimator", "toy", "--lift", "toy", "--refine", "toy-mean", "--refine2d", "toy"]
    args = run.make_parser("run").parse_args([str(tmp_path / "run.yaml"), *flags, "--set", "refine.share=0.25"])
    found = run.read_run_config(args)
    assert (found.estimator, found.lift) == (ToyEstimateOptions(), ToyLiftOptions())
    assert (found.refine, found.refine2d) == (ToyMeanOptions(share=0.25), ToyFittedOptions())


def test_the_doctor_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.main("doctor", [], "")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert {"toy works", "toy all at one depth", "toy all moved to the side", "toy-mean joints drawn to their mean",
            "toy no bias", "toy-still nobody moves", "toy for toys"} <= set(lines)  # fmt: skip


def test_a_smoother_is_a_row_of_the_table() -> None:
    assert {"toy", "toy-mean"} < set(smoother_names()) and REFINERS["toy-mean"].about == "joints drawn to their mean"


def test_a_pose_goes_through_all_of_them(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "clip.txt").write_text("20")
    raw = build_estimator(config.estimator)(tmp_path / "clip.txt")
    assert len(raw) == 20 and raw.missing[1::2].all() and not raw.missing[::2].any()

    assert isinstance(config.refine2d, FittedOptions)
    fitted, bones = fit_refiner_2d(*clips(8, 0), config.refine2d, 1)
    save_refiner_2d(fitted, config.refine2d, bones, tmp_path / "toy2d.safetensors")
    given = config.refine2d.model_copy(update={"weights": str(tmp_path / "toy2d.safetensors")})
    flat = build_refiner_2d(given)(raw)
    moved = (flat.keypoints - raw.keypoints)[::2]
    bias = np.asarray(fitted.parts["hand"].bias)  # type: ignore[attr-defined]
    np.testing.assert_allclose(moved[:, 29:], np.broadcast_to(-0.5 * bias, moved[:, 29:].shape), atol=1e-3)
    assert not moved[:, :8].any()

    lifted = LIFTERS.build(config.lift)(flat)
    refined = build_refiner(config.refine)(lifted)
    np.testing.assert_allclose(refined.keypoints, lifted.keypoints + 0.5)
    names = [(stage.name, stage.config.get("name", stage.config.get("mode"))) for stage in refined.provenance.stages]
    assert [n for n in names if n[1] == "toy"] == [("refine2d", "toy"), ("lift", "toy"), ("refine", "toy")]
    smooth = REFINERS.build(REFINERS.parse({"name": "toy-mean", "share": 1.0, "carried": True}))(lifted)
    record = {"name": "toy-mean", "minimum_confidence": 0.3, "share": 1.0, "carried": True}
    assert smooth.provenance.stages[-1].config == record

    examples = [Example(f"c{k}", refined, "am tag regnet es .") for k in range(4)]
    train_translator(examples, examples, config.translate, tmp_path / "translator", 0, "cpu")
    translator = Translator.load(tmp_path / "translator", "cpu")
    assert translator.config.preset == "toy" and len(translator.translate([refined])) == 1


def test_a_2d_refiner_need_not_be_fitted(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("refine2d: {name: toy-still}")
    refiner = build_refiner_2d(load_config(tmp_path / "run.yaml", RunConfig).refine2d)
    pose = clips(1, 3)[1]["clip0"]
    np.testing.assert_array_equal(refiner(pose).keypoints, pose.keypoints)
