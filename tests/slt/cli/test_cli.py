"""The command line as a user meets it: one line and the right exit code for bad input, never a traceback."""

import subprocess
import sys
from subprocess import CompletedProcess

import pytest

from skeletor.support.errors import InputError
from slt.cli import main
from slt.inference import chain


def anew(*args, cwd=None):
    """`slt` in a process of its own, as a user starts it; nearly all that it does is imports."""
    return subprocess.run(
        [sys.executable, "-c", "from slt.cli import main; main()", *map(str, args)],
        capture_output=True, text=True, cwd=cwd, timeout=300,
    )  # fmt: skip


@pytest.fixture
def slt(tmp_path, monkeypatch, capfd):
    """`slt` in this process and the test's folder; gives the exit code and all that was printed."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(arg) for arg in args])
        return CompletedProcess(args, end.value.code, *capfd.readouterr())

    return call


def assert_one_line(result, code, *parts):
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]


def test_help_names_all_commands():
    text = anew("--help").stdout
    for command in ("translate", "run", "poses", "lift", "refine", "view", "score", "data", "corpus", "doctor"):
        assert f"  {command} " in text


def test_unknown_command_is_a_usage_error():
    assert anew("dance").returncode == 2


def test_a_fresh_process_says_the_same_line(tmp_path, slt):
    (tmp_path / "bad.yaml").write_text("refine: {nam: none}")
    result = anew("run", "bad.yaml", cwd=tmp_path)
    assert_one_line(result, 2, "bad.yaml", "refine.nam")
    assert result.stderr == slt("run", "bad.yaml").stderr


@pytest.mark.parametrize(
    ("yaml", "part"),
    [
        ("refine: {nam: none}", "refine.nam"),
        ("refine2d: {name: gauss}", "refine2d.name"),
        ("seed: yes", "seed"),
        ("corpus: {test: 0}", "corpus.test"),
        ("estimator: {pose_stride: 0}", "estimator.pose_stride"),
        ("estimator: {pose_stride: 4.5}", "estimator.pose_stride"),
        ("lift: {mode: learned, upsample: token}", "upsample token needs mode learned"),
        ("- 1", "list"),
    ],
)
def test_a_bad_config_is_one_line_naming_file_and_key(tmp_path, slt, yaml, part):
    file = tmp_path / "bad.yaml"
    file.write_text(yaml)
    assert_one_line(slt("run", file), 2, "bad.yaml", part)
    assert not (tmp_path / "runs").exists()


def test_missing_config(slt):
    assert_one_line(slt("run", "nowhere.yaml"), 2, "nowhere.yaml")


@pytest.mark.parametrize("name", ["level", "anatomy"])
def test_a_lifter_that_is_not_there_is_one_line(slt, name):
    assert_one_line(slt("lift", "a.pose", "--lift", name), 2, f"--lift {name}")


def test_doctor_lists_the_lifters(slt):
    lines = slt("doctor").stdout.splitlines()
    for name in ("fast", "reference", "uplift-upsample", "anatomy", "joint-token"):
        assert any(line.startswith(f"  {name} ") for line in lines), name
    shipped = next(line for line in lines if line.startswith("  joint-token "))
    assert shipped.endswith("joint_token.safetensors")  # nothing was trained here


def test_without_any_model_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("SLT_RUNS", str(tmp_path))
    monkeypatch.setattr(chain, "SHIPPED", tmp_path / "rendered")
    with pytest.raises(InputError, match="make pipeline"):
        chain.load_chain()


@pytest.mark.parametrize("stride", ["0", "-2", "51"])
def test_an_absurd_stride_is_one_line(slt, stride):
    assert_one_line(slt("poses", "a.mp4", "--pose-stride", stride), 2, "pose_stride", stride)


@pytest.mark.parametrize("name", ["missing.mp4", "text.mp4", "empty.mp4"])
def test_poses_of_what_is_no_video(tmp_path, slt, name):
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    assert_one_line(slt("poses", name, "-o", "out"), 2, name)
    assert not list(tmp_path.glob("out/*"))


def test_score_prints_signature_and_interval(tmp_path, slt):
    (tmp_path / "h").write_text("im norden regen .\nsonne im süden .\n", encoding="utf-8")
    (tmp_path / "r").write_text("im norden regen .\nsonne im osten .\n", encoding="utf-8")
    result = slt("score", "--hyp", tmp_path / "h", "--ref", tmp_path / "r")
    assert result.returncode == 0
    assert "BLEU-4" in result.stdout and "nrefs:1" in result.stdout and "95 %" in result.stdout
    assert_one_line(slt("score", "--hyp", tmp_path / "h", "--ref", tmp_path / "none"), 2, "none")


def test_names_that_begin_with_a_dash_stand_behind_two(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        main(["poses", "-o", "out", "--", "-none.mp4"])
    assert error.value.code == 2
    told = capsys.readouterr().err
    assert "-none.mp4: no such file" in told and "required" not in told
