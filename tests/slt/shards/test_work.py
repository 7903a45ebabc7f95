"""Stages of shards: each takes its own options and refuses others; they are a part of what makes a plan another one."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from skeletor.io.formats import read_pose, read_poses, write_pose
from skeletor.io.native import write_shard
from skeletor.lifters.anonymise import anonymise
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.key_frames import spread as spread_out
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.refiners2d.fit import fit_refiner_2d
from skeletor.refiners2d.gaussian import GaussianOptions
from skeletor.refiners2d.registry import Refiner2D
from skeletor.refiners2d.weights import save_refiner_2d
from skeletor.support.errors import InputError
from slt.cli import main
from slt.cli.corpora import shards
from slt.inference import chain
from slt.inference.estimation import Sparse, named_estimator
from slt.inference.model_files import CONFIG, REFINER_2D
from slt.shards import work
from slt.shards.engines import Ended
from slt.shards.plan import read_plan, write_plan
from slt.shards.run import FAILED, results_of, run_plan
from slt.shards.work import STAGES, StageOptions, check_options, stages_of
from tests.skeletor.poses.test_absent import signer
from tests.skeletor.refiners2d.parts2d import clips

GIVEN: dict[str, Any] = {
    "estimator": "openpose-json", "pose_stride": 3, "pose_speed": "fast", "pose_model": "heavy", "hands": "second",
    "people": "turns", "lift": "ik", "stride": 2, "upsample": "token", "absent": "filled", "anonymise": True,
    "refine": "savgol", "no_carried": True, "model": "folder", "skeleton": "mediapipe_75", "device": "cpu",
}  # fmt: skip


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in ("shards", *arguments)])
    return int(end.value.code or 0)


@pytest.fixture(name="pose")
def _pose(tmp_path: Path) -> Path:
    write_pose(signer(9), tmp_path / "clip.safetensors")
    return tmp_path / "clip.safetensors"


@pytest.mark.parametrize("name", sorted(set(StageOptions.model_fields) - {"fps"}))
def test_an_option_of_another_stage_is_refused(name: str) -> None:
    others = set(STAGES) - set(stages_of(name))
    assert others and set(stages_of(name)) <= set(STAGES) == set(stages_of("fps"))
    for stage in others:
        with pytest.raises(InputError, match=f"--{name.replace('_', '-')}: is of .*, not of {stage}; leave it out"):
            check_options(stage, StageOptions(**{name: GIVEN[name]}))


def test_estimation_has_the_options_of_slt_poses() -> None:
    asked = StageOptions(pose_stride=3, pose_speed="fast", pose_model="heavy", hands="second", people="turns")
    config = work._estimator(asked).model_dump()
    assert [config[name] for name in ("pose_stride", "speed", "pose_model", "hands", "people")] == [
        3, "fast", "heavy", "second", "turns",
    ]  # fmt: skip
    assert work._estimator(StageOptions()) == named_estimator("mediapipe")
    with pytest.raises(InputError, match="'hands'"):
        check_options("poses", StageOptions(estimator="openpose-json", hands="second"))


def test_each_option_makes_another_plan(pose: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = (pose, "-o", tmp_path / "out", "--dry-run")
    assert command("lift", *plain) == 0
    for option in (["--absent", "filled"], ["--anonymise"]):
        assert command("lift", *plain, *option) == 2
        assert "holds another plan" in capsys.readouterr().err
    parser = shards.make_parser("shards")
    for option in (["--pose-speed", "fast"], ["--pose-model", "heavy"], ["--hands", "second"], ["--people", "turns"]):
        name = option[0][2:].replace("-", "_")
        assert shards._options(parser.parse_args(["poses", "x", "-o", "out", *option]))[name] == option[1]
    assert command("lift", *plain, "--upsample", "token") == 2, "the fast lifter has no such option"
    assert "upsample" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "asked", "told"),
    [
        ("refine", ("--refine", "nonsense"), "nonsense"),
        ("refine", ("--no-carried",), "--no-carried is of smoothers"),
        ("translate", ("--pose-stride", 0), "pose_stride"),
        ("translate", ("--upsample", "token"), "--upsample token"),
    ],
)
def test_a_value_that_cannot_be_is_told_before_anything_begins(
    pose: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str, asked: tuple[object, ...], told: str
) -> None:
    out = tmp_path / "out"
    model = ("--model", chain.SHIPPED) if stage == "translate" else ()
    assert command(stage, pose, "-o", out, *model, *asked, "--dry-run") == 2
    assert told in capsys.readouterr().err and not out.exists()


def test_lifting_takes_absent_hands_and_anonymises(pose: Path) -> None:
    filled = build_lifter(FastOptions(absent="filled"))(signer(9))
    for asked, expected in (
        (StageOptions(absent="filled"), filled),
        (StageOptions(absent="filled", anonymise=True), anonymise(filled)),
    ):
        (made,) = work.lift(asked)(pose).values()
        np.testing.assert_array_equal(made.keypoints, expected.keypoints)


def test_translation_hands_on_how_2d_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(chain, "load_chain", lambda model, **given: seen.update(given))
    work.translate(StageOptions(pose_stride=2, pose_speed="fast", people="turns", upsample="interpolation"))
    assert seen["sparse"] == Sparse(2, "interpolation", "fast", "turns")
    work.translate(StageOptions())
    assert seen["sparse"] == Sparse()


def model_with_a_2d_refiner(folder: Path) -> Refiner2D:
    """The shipped model with a fitted 2D refiner beside."""
    given = GaussianOptions(parts=["hand"], stride=1)
    fitted, bones = fit_refiner_2d(*clips(8, 0), given, 1)
    shutil.copytree(chain.SHIPPED, folder)
    save_refiner_2d(fitted, given, bones, folder / REFINER_2D)
    config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    config["refine2d"] = {"name": "gaussian"}
    config["files"][REFINER_2D] = file_sha256(folder / REFINER_2D)
    (folder / CONFIG).write_text(yaml.safe_dump(config), encoding="utf-8")
    return Refiner2D(fitted)


def test_2d_repair_is_a_stage_with_the_refiner_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refiner = model_with_a_2d_refiner(tmp_path / "model")
    plain = clips(1, 9)[1]["clip0"]
    write_pose(plain, tmp_path / "plain.safetensors")
    write_pose(spread_out(plain.frames(0, 4), 3, 12), tmp_path / "sparse.safetensors")
    inputs = [tmp_path / f"{name}.safetensors" for name in ("plain", "sparse")]
    common = ("refine2d", "-o", tmp_path / "out", "--workers", 1, "--model")
    assert command(*common, tmp_path / "model", *inputs) == 0
    made = read_poses(tmp_path / "out" / "shards" / "0000" / "0000000.safetensors")
    found = {name.partition("#")[0]: clip for name, clip in made.items()}
    np.testing.assert_array_equal(found["plain"].keypoints, refiner(plain).keypoints)
    assert not np.array_equal(found["plain"].keypoints, plain.keypoints) and found["plain"].dims == 2
    assert np.isnan(found["sparse"].keypoints[1]).all(), "frames that were not looked at stay missing"
    assert command(*common, chain.SHIPPED, *inputs) == 2
    assert "has no 2D refiner" in capsys.readouterr().err
    write_pose(build_lifter(FastOptions())(read_pose(inputs[0])), tmp_path / "solid.safetensors")
    with pytest.raises(InputError, match="is 3D already"):
        work.refine_2d(StageOptions(model=str(tmp_path / "model")))(tmp_path / "solid.safetensors")


def empty_of(pose: PoseSequence) -> PoseSequence:
    return pose.replace(np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence))


def test_a_clip_with_nobody_in_it_is_listed_as_such(pose: Path, tmp_path: Path) -> None:
    empty = empty_of(signer(9))
    write_pose(empty, tmp_path / "empty.safetensors")
    write_shard({"a": empty, "b": read_pose(pose)}, tmp_path / "both.safetensors")
    inputs = [tmp_path / f"{name}.safetensors" for name in ("empty", "both")]
    plan = write_plan(tmp_path / "out", "lift", {}, inputs, 2, lambda: "code")
    outcome = run_plan(plan, Here())
    assert (outcome.failed, outcome.empty, outcome.clips) == (0, 1, 1)
    assert ", 0 inputs failed, 1 with nobody in them;" in outcome.lines()[0]
    (listed,) = (plan.folder / FAILED).read_text(encoding="utf-8").splitlines()[1:]
    assert listed == f"{inputs[0]}\ta.mp4: nobody is seen in any of its frames", "the path stands once"
    assert [list(read_poses(file)) for file in results_of(plan)] == [["both#b"]]
    assert run_plan(plan, Here()).empty == 1, "a finished shard keeps it"


def test_results_of_inputs_with_nobody_in_them_are_kept_and_told(
    pose: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = read_pose(pose)
    write_pose(empty_of(seen), tmp_path / "empty.safetensors")
    write_shard({"a": empty_of(seen), "b": seen}, tmp_path / "both.safetensors")
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(3):
        (frames / f"{number}_keypoints.json").write_text('{"people": []}', encoding="utf-8")
    files = [tmp_path / f"{name}.safetensors" for name in ("clip", "empty", "both")]
    given: list[tuple[str, list[Path], tuple[object, ...]]] = [
        ("poses", [frames], ("--estimator", "openpose-json", "--fps", 25)),
        ("refine", files, ("--refine", "savgol")),
    ]
    for stage, inputs, options in given:
        code = command(stage, *inputs, "-o", tmp_path / stage, "--workers", 1, *options)
        assert code == 3, "as `slt poses` and `slt refine` end"
        assert f"1 of {len(inputs)} inputs with nobody in them; see " in capsys.readouterr().err
        (listed,) = (tmp_path / stage / FAILED).read_text(encoding="utf-8").splitlines()[1:]
        assert re.fullmatch(r".*/(frames|empty\.safetensors)\tnobody was found in any of its \d+ frames", listed)
        names = [name for file in results_of(read_plan(tmp_path / stage)) for name in read_poses(file)]
        assert len(names) == len(inputs) + (stage == "refine"), "the empty ones are written"


def test_inputs_that_are_not_translated_are_told(pose: Path, tmp_path: Path) -> None:
    seen, empty = read_pose(pose), empty_of(read_pose(pose))
    write_pose(empty, tmp_path / "empty.safetensors")
    write_shard({"a": empty, "b": seen}, tmp_path / "both.safetensors")
    inputs = [tmp_path / f"{name}.safetensors" for name in ("empty", "both")]
    plan = write_plan(tmp_path / "out", "translate", {"model": str(chain.SHIPPED)}, inputs, 2, lambda: "code")
    outcome = run_plan(plan, Here())
    records = [json.loads(line) for file in results_of(plan) for line in file.read_text("utf-8").splitlines()]
    assert [record["clip"] for record in records] == ["empty#a", "both#a", "both#b"], "all are written"
    silent = [record["clip"] for record in records if record["text"] is None]
    assert silent[:2] == ["empty#a", "both#a"] and outcome.empty == 2 and outcome.failed == 0
    assert ", 0 inputs failed, 2 not translated;" in outcome.lines()[0]
    first, second = (plan.folder / FAILED).read_text(encoding="utf-8").splitlines()[1:]
    assert first == f"{inputs[0]}\tnot translated: {records[0]['reason']}"
    assert second == f"{inputs[1]}\t{len(silent) - 1} of 2 clips: a: {records[1]['reason']}"


class Here:
    """An engine in this process."""

    def run(self, job: Callable[[int], object], shards: Sequence[int]) -> Iterator[Ended]:
        for shard in shards:
            job(shard)
            yield Ended(shard)
