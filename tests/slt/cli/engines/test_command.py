"""`--executor` of single commands: the same files, lines and exit codes as without it, whoever does the work."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from skeletor.io.native import write_shard
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError, SkeletorError
from slt.cli import main, stages, translate
from slt.cli.engines import command as engines
from slt.cli.inputs import Input
from slt.shards.engines import Ended
from tests.skeletor.lifters.test_choice import weights
from tests.slt.toy import perform

WAYS = {
    "here": ["--executor", "ray"],
    "slurm": ["--executor", "slurm", "--slurm", "cluster=local", "--workers", "2"],
    "ray": ["--executor", "ray", "--workers", "2"],
}
TABLE = re.compile(r"^\d+ shards: .*\n", re.MULTILINE)


class Here:
    """The plainest engine. lost: shards that it does not do."""

    def __init__(self, *lost: int, refused: bool = False) -> None:
        self.lost, self.refused = lost, refused
        self.begun: list[int] = []

    def run(self, job: Callable[[int], None], shards: Any) -> Iterator[Ended]:
        for shard in shards:
            if shard in self.lost:
                yield Ended(shard, "its node burned", refused=self.refused)
                continue
            self.begun.append(shard)
            job(shard)
            yield Ended(shard)


def here(monkeypatch: pytest.MonkeyPatch, engine: Here) -> Here:
    monkeypatch.setattr(engines, "make_engine", lambda *args: engine)
    return engine


@pytest.fixture(name="way", params=list(WAYS))
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a real engine, where it is installed; or those of one in this process."""
    if request.param == "here":
        here(monkeypatch, Here())
    else:
        pytest.importorskip({"slurm": "submitit", "ray": "ray"}[request.param])
    return WAYS[request.param]


def flat(words: list[str], seed: int) -> PoseSequence:
    """2D in pixels."""
    pose = perform(words, seed)
    about = Provenance("clip.mp4", units="pixel", image_size=(640, 480))
    return PoseSequence(pose.keypoints[..., :2] * 100 + 300, pose.confidence, 25, SIGNING_50, about)


def nobody(frames: int = 20) -> PoseSequence:
    about = Provenance("n", units="pixel")
    return PoseSequence(np.full((frames, 50, 2), np.nan), np.zeros((frames, 50)), 25, SIGNING_50, about)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command stands: good files, one of two clips, one without anybody, one that is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "in").mkdir()
    write_shard({"a": flat(["regen"], 1)}, "in/a.safetensors")
    write_shard({"b": flat(["wind", "sonne"], 2), "b2": flat(["regen"], 3)}, "in/two.x.safetensors")
    write_shard({"solid": perform(["regen"], 4)}, "in/solid.safetensors")
    write_shard({"n": nobody()}, "in/nobody.safetensors")
    Path("in/bad.safetensors").write_bytes(b"no poses")
    return tmp_path


INPUTS = ["in/a.safetensors", "in/two.x.safetensors", "in/bad.safetensors", "in/solid.safetensors",
          "in/nobody.safetensors", "in/missing.mp4", "https://x.org/a.mp4", "./in/a.safetensors"]  # fmt: skip


def contents(folder: Path) -> dict[str, Any]:
    """What lies there; when it was made and how long that took is left out."""
    return {str(path.relative_to(folder)): _content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _content(path: Path) -> Any:
    if path.suffix == ".json":
        return json.loads(path.read_text()) | {"seconds": None}
    return re.sub(rb' DATE="[^"]*"', b"", path.read_bytes())


def compared(
    command: Callable[[str, list[str], str], int], name: str, argv: list[str], way: list[str], capsys: Any
) -> tuple[int, str]:
    """Run a command without and with the engine; exit code and what was printed, which are the same."""
    code = command(name, [*argv, "-o", "out"], "")
    plain, told = contents(Path("out")), capsys.readouterr()
    Path("out").rename("plain")
    assert command(name, [*argv, "-o", "out", *way], "") == code
    other = capsys.readouterr()
    assert contents(Path("out")) == plain
    assert other.out == told.out
    assert len(TABLE.findall(other.err)) == 1 and sorted(TABLE.sub("", other.err).splitlines()) == sorted(
        told.err.splitlines()
    )
    return code, told.out + other.err


@pytest.mark.parametrize("suffix", [".safetensors", ".skels", ".pose"])
def test_lifting_gives_the_same_files_lines_and_code(
    folder: Path, way: list[str], suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = compared(stages.main, "lift", [*INPUTS, "--suffix", suffix, "--absent", "filled"], way, capsys)
    assert code == 2
    for part in (
        "is 3D already",
        "in/bad.safetensors: ",
        "in/missing.mp4: ",
        "https://x.org/a.mp4: ",
        "7 files failed",
    ):
        assert part in told or part == "7 files failed"
    assert "of 7 files failed" in told


def test_refining_and_poses_give_the_same(folder: Path, way: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, told = compared(
        stages.main, "refine", [*INPUTS, "--refine", "savgol", "--no-carried", "--anonymise"], way, capsys
    )
    assert code == 2 and "nobody" in told
    Path("plain").rename("plain1"), Path("out").rename("out1")
    code, told = compared(stages.main, "poses", [*INPUTS[:2], INPUTS[4], "--estimator", "poses"], way, capsys)
    assert code == 3 and "1 of 3 with nobody in them" in told
    assert "a.safetensors: 7 frames" in told


def test_a_video_is_estimated_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.slt.cli.test_stages import frames

    here(monkeypatch, Here())
    frames(Path("frames"))
    code, _ = compared(
        stages.main, "poses", ["frames", "in/a.safetensors", "--fps", "30", "--pose-stride", "2"], WAYS["here"], capsys
    )
    assert code == 2


def test_sentences_are_the_same_in_every_format(
    folder: Path, way: list[str], model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*INPUTS, "--model", str(model), "--device", "cpu", "-f", "txt,json,srt,eaf", "--refine", "none"]
    code, told = compared(translate.main, "translate", argv, way, capsys)
    assert code == 2 and "not translated" in told and "in/two.x.safetensors#b2: " in told
    assert {"solid.txt", "solid.eaf", "two.x#b.json", "nobody.json"} <= {path.name for path in Path("out").iterdir()}


def test_a_long_recording_is_worked_on_in_parts_there_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from slt.cli import long
    from tests.slt.inference.test_recording import SAID, talk

    here(monkeypatch, Here())
    monkeypatch.setattr(long, "_SMALL", 0)
    monkeypatch.setattr(long, "LONG", 3.0)
    write_shard({"talk": talk(SAID)}, "in/talk.safetensors")
    argv = ["in/talk.safetensors", "--model", str(model), "--device", "cpu", "-f", "vtt,json", "--glosses"]
    code, told = compared(translate.main, "translate", argv, WAYS["here"], capsys)
    assert code == 0 and told.count("glosses: ") == len(SAID) and not list(Path("out").glob("*.work"))


def test_a_run_that_was_broken_off_goes_on_and_a_file_that_changed_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["in/a.safetensors", "in/two.x.safetensors", "in/bad.safetensors", "-o", "out", *WAYS["here"]]

    def lift(*lost: int, refused: bool = False) -> tuple[int, list[int], str]:
        engine = here(monkeypatch, Here(*lost, refused=refused))
        code = stages.main("lift", argv, "")
        return code, engine.begun, "".join(capsys.readouterr())

    code, begun, told = lift(1)
    assert (code, begun) == (1, [0, 2]) and "in/two.x.safetensors: its node burned" in told
    assert "3 shards: 2 made, 0 kept, 1 lost; 1 clips, 1 inputs failed" in told
    whole = Path("out/a.safetensors").read_bytes()
    Path("out/two.x.safetensors").write_bytes(b"of an earlier run")
    assert lift(1, refused=True)[:2] == (2, []) and not Path("out/two.x.safetensors").exists()
    Path("out/a.safetensors").write_bytes(b"damaged")
    code, begun, told = lift()
    assert (code, begun) == (2, [0, 1]) and "3 shards: 2 made, 1 kept, 0 lost; 2 clips, 1 inputs failed" in told
    assert Path("out/a.safetensors").read_bytes() == whole
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.safetensors", "two.x.safetensors"]
    assert lift()[1] == [0, 1, 2], "what is done is done anew, as without an engine"


def test_an_unfinished_run_with_other_options_is_not_mixed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here(monkeypatch, Here(1))
    argv = ["in/a.safetensors", "in/two.x.safetensors", "-o", "out", *WAYS["here"]]
    assert stages.main("lift", argv, "") == 1
    with pytest.raises(InputError, match="holds another plan"):
        stages.main("lift", [*argv, "--absent", "filled"], "")
    here(monkeypatch, Here())
    assert stages.main("lift", [*argv, "--workers", "7"], "") == 0, "who does it decides nothing"
    Path("out/lift.shards").mkdir()
    Path("out/lift.shards/plan.json").write_text('{"of": "a run that was broken off before it began"}')
    assert stages.main("lift", [*argv, "--absent", "filled"], "") == 0 and not Path("out/lift.shards").exists()


def test_an_input_that_ends_its_workers_is_told_with_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from slt.shards import trying

    monkeypatch.setattr(trying, "_deaths", lambda file: {0: 4} if file.stem.endswith("1") else {})
    here(monkeypatch, Here())
    code = stages.main("lift", ["in/a.safetensors", "in/two.x.safetensors", "-o", "out", *WAYS["here"]], "")
    told = capsys.readouterr()
    assert code == 2 and told.out.startswith("out/a.safetensors: 7 frames")
    assert "in/two.x.safetensors: ended its worker 4 times; left out\n" in told.err


def test_a_name_that_is_no_text_does_not_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here(monkeypatch, Here())
    odd = os.fsdecode(b"in/\xff.safetensors")
    write_shard({"a": flat(["regen"], 1)}, odd)

    def lift(*way: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as end:
            main(["lift", odd, odd.replace("\udcff", "\udcfe"), "-o", "out", *way])
        told = capsys.readouterr()
        return end.value.code, told.out + TABLE.sub("", told.err)

    plain = lift()
    assert plain[0] == 2 and "\\udcff.safetensors: 7 frames" in plain[1] and "\\udcfe.safetensors: " in plain[1]
    assert lift(*WAYS["here"]) == plain and [os.fsencode(name) for name in os.listdir("out")] == [b"\xff.safetensors"]


def test_what_cannot_be_is_one_line_before_anything_begins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    engine = here(monkeypatch, Here())
    one, way = ["in/a.safetensors"], WAYS["here"]
    for command, name, argv, line in (
        (translate.main, "translate", [*one, "--model", str(model), *way], "--executor ray: needs a folder"),
        (
            translate.main,
            "translate",
            [*one, "-o", "out", "--model", str(model), "--upsample", "token", *way],
            "--upsample token",
        ),
        (translate.main, "translate", [*one, "-o", "out", "--address", "x"], "--address: is of --executor ray"),
        (stages.main, "lift", [*one, "--workers", "2"], "--workers: is of --executor slurm and ray"),
        (stages.main, "refine", [*one, "--slurm", "a=1"], "--slurm: is of --executor slurm"),
        (stages.main, "poses", [*one, "--suffix", ".skels", *way], "gives 2D poses"),
        (stages.main, "lift", [*one, "in/b/a.safetensors", *way], "both results would be"),
        (stages.main, "poses", ["line\nbreak.mp4", "-o", "out", *way], "has a line break in its name"),
    ):
        with pytest.raises(InputError, match=line):
            command(name, argv, "")
    assert not engine.begun and not list(Path(".").rglob("*.shards"))
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="--workers 0"):
        stages.main("poses", [*one, "-o", "out", *way, "--workers", "0"], "")


def test_without_the_package_the_line_says_what_to_install_and_nothing_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ray", "submitit"):
        monkeypatch.setitem(sys.modules, name, None)
    for way, extra in (("slurm", "cluster"), ("ray", "ray")):
        with pytest.raises(InputError, match=rf"pip install 'skeletor-slt\[{extra}\]'"):
            stages.main("lift", ["in/a.safetensors", "-o", "out", *WAYS[way]], "")
    assert not list(Path("out").iterdir())


def test_after_a_kill_the_same_command_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["in/a.safetensors", "in/bad.safetensors", "in/two.x.safetensors", "-o", "out", *WAYS["here"]]
    places = os.pathsep.join([str(Path(__file__).parents[4]), os.environ.get("PYTHONPATH", "")])
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.slt.cli.engines.halting", *argv], env=os.environ | {"PYTHONPATH": places}
    )
    pause, deadline = threading.Event(), monotonic() + 120
    while not Path("halting").exists():
        assert monotonic() < deadline and parent.poll() is None
        pause.wait(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    engine = here(monkeypatch, Here())
    assert stages.main("lift", argv, "") == 2 and engine.begun == [2]
    told = capsys.readouterr()
    assert told.out.count("frames, 25 fps") == 3 and "in/bad.safetensors: " in told.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.safetensors", "two.x.safetensors"]


def test_a_kind_of_lifter_with_newer_weights_is_another_plan(
    folder: Path, monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    monkeypatch.setenv("SLT_RUNS", "runs")
    weights(Path("runs/a/lifter.safetensors"), "joint-token", 1000)
    here(monkeypatch, Here(1))
    inputs, more = ["in/a.safetensors", "in/two.x.safetensors"], ["--lift", "joint-token", *WAYS["here"]]
    lift = [*inputs, "-o", "lifted", *more]
    read = [*inputs, "-o", "out", "--model", str(model), "--device", "cpu", *more]
    assert stages.main("lift", lift, "") == 1 and translate.main("translate", read, "") == 1
    weights(Path("runs/b/lifter.safetensors"), "joint-token", 2000)
    with pytest.raises(InputError, match="holds another plan"):
        stages.main("lift", lift, "")
    with pytest.raises(InputError, match="holds another plan"):
        translate.main("translate", read, "")


def test_a_clip_that_was_there_and_is_gone_is_told(tmp_path: Path) -> None:
    one = Input(Path("a#x"), Path("a"), "x", True)
    with pytest.raises(SkeletorError, match="changed while it was worked on") as gone:
        engines._tell({}, {one.shown: tmp_path / "a#x"}, [".txt"], one)
    assert gone.value.exit_code == InputError.exit_code
