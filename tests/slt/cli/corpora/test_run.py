"""The config of `slt run` as its file, the flags of stages and --set say."""

from pathlib import Path

import pytest

from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned_lifter import LearnedOptions
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.refiners.smoothers.kalman import KalmanOptions
from skeletor.refiners.smoothers.smooth import SavgolOptions
from skeletor.refiners.trained import SkeletorOptions
from skeletor.refiners2d.base import NoRefine2DOptions
from skeletor.refiners2d.gaussian import GaussianOptions
from skeletor.support.errors import InputError
from slt.cli.corpora.run import main, make_parser, read_run_config
from slt.estimators.pose_files import PosesOptions
from slt.pipeline.config import RunConfig

CONFIG = """
estimator: {name: mediapipe, hand_model: lite, pose_stride: 2}
refine2d: {name: port, parts: [hand], port: {width: 16}, weights: port.safetensors}
lift: {mode: fast, hand_reach: 0.5}
refine: {name: savgol, window: 9, minimum_confidence: 0.2}
"""


def config(folder: Path, *flags: str, text: str = CONFIG) -> RunConfig:
    (folder / "x.yaml").write_text(text)
    return read_run_config(make_parser("run").parse_args([str(folder / "x.yaml"), *flags]))


def test_without_flags_the_file_holds(tmp_path: Path) -> None:
    found = config(tmp_path)
    assert found.refine == SavgolOptions(window=9, minimum_confidence=0.2) and found.lift == FastOptions(hand_reach=0.5)
    plain = config(tmp_path, text="")
    assert (plain.lift, plain.refine, plain.refine2d) == (FastOptions(), SkeletorOptions(), NoRefine2DOptions())


def test_a_flag_exchanges_a_stage_and_drops_what_was_the_old_ones(tmp_path: Path) -> None:
    found = config(
        tmp_path, "--estimator", "poses", "--refine2d", "gaussian", "--lift", "reference", "--refine", "kalman"
    )
    assert found.estimator == PosesOptions(pose_stride=2)
    assert found.refine2d == GaussianOptions(parts=["hand"])
    assert (found.lift, found.refine) == (ReferenceOptions(), KalmanOptions(minimum_confidence=0.2))
    found = config(tmp_path, "--refine", "savgol", "--lift", "fast", "--refine2d", "none")
    assert found.refine == SavgolOptions(window=9, minimum_confidence=0.2)  # named, but not exchanged
    assert (found.lift, found.refine2d) == (FastOptions(hand_reach=0.5), NoRefine2DOptions())
    found = config(tmp_path, "--lift", "learned", "--pose-stride", "4", "--upsample", "interpolation")
    assert found.lift == LearnedOptions() and found.estimator.pose_stride == 4
    assert config(tmp_path, "--pose-speed", "fast").estimator.speed == "fast"
    with pytest.raises(InputError, match="speed"):
        config(tmp_path, "--pose-speed", "slow")


def test_a_learned_lifter_keeps_the_weights_of_the_config(tmp_path: Path) -> None:
    text = "lift: {mode: learned, weights: mine.safetensors, stride: 4}"
    assert config(tmp_path, "--lift", "learned", text=text).lift == LearnedOptions(weights="mine.safetensors", stride=4)
    (tmp_path / "other").touch()
    found = config(tmp_path, "--lift", str(tmp_path / "other"), text=text).lift
    assert found == LearnedOptions(weights=str(tmp_path / "other"), stride=4)
    assert config(tmp_path, "--lift", "fast", text=text).lift == FastOptions()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--set", "refine.name=kalman"], "x.yaml: key 'refine.window': an option of savgol, not of kalman"),
        (["--set", "lift.mode=learned"], "x.yaml: key 'lift.hand_reach': an option of fast, not of learned"),
        (["--refine", "kalman", "--set", "refine.window=9"], "key 'refine.window': an option of savgol, not of kalman"),
        (["--refine", "median"], "x.yaml: key 'refine.name': Input should be 'skeletor', 'cubic', "),
        (
            ["--refine2d", "all"],
            "x.yaml: key 'refine2d.name': Input should be 'none', 'gaussian' or 'port', got 'all'",
        ),
        (["--upsample", "token"], "x.yaml: key 'lift.upsample': an option of learned, not of fast"),
        (["--lift", "level"], "--lift level: neither a lifter nor a file"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, flags: list[str], line: str) -> None:
    with pytest.raises(InputError) as caught:
        config(tmp_path, *flags)
    assert line in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("refine: savgol", "key 'refine': a section is expected: write {name: savgol}"),
        ("lift: fast", "key 'lift': a section is expected: write {mode: fast}"),
        ("refine: [savgol]", "key 'refine': a section of keys and values is expected, as {key: value}, got ['savgol']"),
        ("lift: 3", "key 'lift': a section of keys and values is expected, as {key: value}, got 3"),
        ("translate: ctc", "key 'translate': a section of keys and values is expected, as {key: value}, got 'ctc'"),
    ],
)
def test_a_section_that_is_none_stays_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        config(tmp_path, "--refine", "kalman", "--lift", "fast", text=text)
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_that_is_to_be_reused_has_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(CONFIG)
    (tmp_path / "empty").mkdir()
    for other in (tmp_path / "none", tmp_path / "empty", tmp_path / "x.yaml"):
        with pytest.raises(InputError, match="no run lies there"):
            main("run", [str(tmp_path / "x.yaml"), "--reuse", str(other), "--run-dir", str(tmp_path / "run")], "")
    assert not (tmp_path / "run").exists()
