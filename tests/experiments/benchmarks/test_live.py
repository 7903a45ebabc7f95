"""The live bench, without MediaPipe but in its smallest form."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import main
from experiments.benchmarks.live import LiveBench, _machine, compared, play, stream
from slt.estimators.mediapipe.estimator import unavailable
from slt.inference.chain import load_chain
from slt.live.channel import Mailbox
from slt.video import write_video
from tests.slt.inference.test_recording import SAID, talk
from tests.slt.live.fakes import FakeClock, Poses
from tests.slt.toy import toy_model


def test_a_row_is_what_the_session_told(tmp_path, tmp_path_factory, monkeypatch):
    """Played by a clock that never waits, joints known: nothing is lost, and the texts are those of the file."""
    monkeypatch.setattr(Mailbox, "_drop", lambda self: None)  # such a clock is always late
    path, pose = tmp_path / "film.mp4", talk()
    write_video(path, [np.zeros((16, 16, 3), np.uint8)] * len(pose), 25)
    known = replace(load_chain(toy_model(tmp_path_factory), estimator="poses", device="cpu"), estimator=Poses(pose))
    played = play(known, path, "rule", FakeClock())
    tally = played.tally
    assert (
        (tally.came, tally.dropped, tally.sentences) == (len(pose), 0, len(SAID)) == (len(pose), 0, len(played.fixed))
    )
    assert tally.cpu_s > 0 and (played.others is None or played.others >= 0)
    assert compared(known, path, pose, played.fixed, "rule") == (len(SAID), 0.0)
    moved = [replace(one, end_s=one.end_s + 0.25, text="another") for one in played.fixed]
    assert compared(known, path, pose, moved, "rule") == (0, pytest.approx(0.25))


def test_what_others_take_is_told_where_the_system_tells_it(tmp_path, monkeypatch):
    stat = tmp_path / "stat"
    monkeypatch.setattr("experiments.benchmarks.live._STAT", stat)
    assert _machine() is None
    stat.write_text("cpu  100 20 30 9999 9999 4 5 6 70 80\ncpu0 1 2\n")
    assert _machine() == pytest.approx(165 / os.sysconf("SC_CLK_TCK"))  # neither idle, nor waiting, nor guests twice


def test_the_stream_has_rests_before_between_and_behind(tmp_path):
    write_video(tmp_path / "film.mp4", [np.full((16, 16, 3), 60 * k, np.uint8) for k in range(4)], 10)
    made = list(stream(LiveBench(clip=str(tmp_path / "film.mp4"), repeats=2, rest=0.5)))
    assert len(made) == 5 + 4 + 5 + 4 + 5
    assert [round(float(one.mean()) / 60) for one in made] == [*[0] * 5, 0, 1, 2, 3, *[0] * 5, 0, 1, 2, 3, *[0] * 5]


def test_numpy_is_to_have_one_thread(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert main(["live", "--work", str(tmp_path), "--results", str(tmp_path)]) == 2
    assert "OPENBLAS_NUM_THREADS=1 python -m experiments live" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(unavailable() is not None, reason=f"mediapipe: {unavailable()}")
def test_its_smallest_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    sizes = ["repeats=1", "rest=1.0", "strides=[4]", "segments=[rule]", "speeds=[faster]"]
    changes = [part for size in sizes for part in ("--set", size)]
    assert main(["live", "--work", str(tmp_path / "work"), "--results", str(tmp_path), *changes]) == 0
    [made] = json.loads((tmp_path / "live.json").read_text())["rows"]
    assert (made["speed"], made["stride"], made["segments"]) == ("faster", 4, "rule")
    assert made["came"] == 36 and made["frames"] == 36 - made["dropped"] and made["sentences"] == 1
    assert "| faster | 1 frame in 4 | rule |" in (tmp_path / "live.md").read_text()
