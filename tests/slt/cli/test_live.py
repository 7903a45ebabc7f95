"""`slt live`: the whole command, with an estimator that knows the joints."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import yaml

from skeletor.support.command import run_command
from skeletor.support.errors import InputError, MissingDependency, NothingToTranslate
from slt.cli.live import main
from slt.estimators.mediapipe.estimator import MediaPipeEstimator
from slt.estimators.mediapipe.models.pose_model import unavailable
from slt.live.channel import Mailbox
from slt.live.session import Fixed
from slt.live.show import Subtitles
from slt.video import write_video
from tests.slt.inference.test_recording import SAID, talk
from tests.slt.live.fakes import FakeClock, Poses


@pytest.fixture(name="live")
def _live(model, monkeypatch, tmp_path):
    """live(pose, *argv, each=...): plays a video as long as the pose, by a clock that never waits."""
    monkeypatch.setattr("slt.live.clock.Clock", FakeClock)
    monkeypatch.setattr(Mailbox, "_drop", lambda self: None)  # such a clock is always late

    def run(pose, *argv, each=lambda number: None):
        known = Poses(pose, each)
        monkeypatch.setattr(MediaPipeEstimator, "load", lambda self: None)
        monkeypatch.setattr(MediaPipeEstimator, "follow", lambda self, *how: known.follow(*how))
        write_video(tmp_path / "film.mp4", [np.zeros((16, 16, 3), np.uint8)] * len(pose), 25)
        given = [tmp_path / "film.mp4", "--as-if-live", "--model", model, "--device", "cpu", *argv]
        return main("live", [str(one) for one in given], "")

    return run


def test_sentences_are_printed_and_written(live, tmp_path, capsys):
    out = tmp_path / "out.srt"
    assert live(talk(unseen=1), "-o", out) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert len(lines) == len(SAID) and lines[1].endswith("[not understood]") and "\x1b" not in shown.out
    assert out.read_text().count(" --> ") == 3
    assert "warning: 3D poses are used as they are" in shown.err
    assert "film.mp4: 25 frames/s; Ctrl-C ends" in shown.err and "3 sentences in 10.0 s, 1 not understood" in shown.err


def test_sentences_are_found_by_what_the_model_folder_says_or_what_is_asked_for(live, model, tmp_path, capsys):
    def times(*argv):
        live(talk(), "--json", *argv)
        made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [(one["start_s"], one["end_s"]) for one in made if one["type"] == "fixed"]

    other = shutil.copytree(model, tmp_path / "other")
    about = (other / "model.yaml").read_text(encoding="utf-8")
    assert "segmenter: rule" in about
    (other / "model.yaml").write_text(about.replace("segmenter: rule", "segmenter: network"), encoding="utf-8")
    assert times() == times("--model", other, "--segments", "rule") == times("--segments", "rule")
    assert times("--model", other) == times("--segments", "network") != times()


def test_json_and_a_limit(live, capsys):
    assert live(talk(), "--json", "--seconds", "4") == 0
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert made[-1]["type"] == "summary" and made[-1]["came"] == 100
    [one] = [one for one in made if one["type"] == "fixed"]
    assert one["text"] and one["start_s"] < one["end_s"] < 4


def test_nothing_understood_is_exit_code_3(live, capsys):
    with pytest.raises(NothingToTranslate, match="nobody signs"):
        live(talk([]))
    with pytest.raises(NothingToTranslate, match="not one of 1 sentence was"):
        live(talk(SAID[:1], unseen=0))
    assert "1 sentence in 4.6 s, 1 not understood" in capsys.readouterr().err


def test_ctrl_c_ends_it_well_and_what_is_fixed_is_written(live, tmp_path, capsys, monkeypatch):
    out, before, fixed = tmp_path / "out.srt", threading.active_count(), threading.Event()
    show = Subtitles.show

    def shown(self, one):
        show(self, one)
        if isinstance(one, Fixed):
            fixed.set()

    monkeypatch.setattr(Subtitles, "show", shown)

    def each(number: int) -> None:
        if number == 180:  # the first sentence has ended, and is read by another thread
            assert fixed.wait(60)
            os.kill(os.getpid(), signal.SIGINT)

    assert run_command(lambda: live(talk(), "-o", out, each=each), "slt") == 130
    assert 1 <= out.read_text().count(" --> ") <= 3 and threading.active_count() == before
    shown = capsys.readouterr().err
    assert "slt: interrupted" in shown and " not understood" in shown and "Traceback" not in shown


def test_what_cannot_be_watched_or_written_is_told_in_one_line(model, tmp_path, capsys):
    for argv in (["0", "--fps", "25"], [tmp_path / "none.ts"], ["/dev/video77"]):
        assert run_command(lambda argv=argv: main("live", [str(a) for a in argv], ""), "slt") == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    write_video(tmp_path / "film.mp4", [np.zeros((16, 16, 3), np.uint8)] * 3, 25)
    with pytest.raises(InputError, match="subtitles are"):
        main("live", [str(tmp_path / "film.mp4"), "--as-if-live", "--model", str(model), "-o", "x.mp4"], "")


def test_how_2d_is_made_reaches_the_estimator(live, monkeypatch):
    made = []
    build = MediaPipeEstimator.__init__

    def noted(self, *args, **kwargs):
        build(self, *args, **kwargs)
        made.append((self.options.get("hands"), self.options.get("speed"), self.options["hand_model"]))

    monkeypatch.setattr(MediaPipeEstimator, "__init__", noted)
    assert live(talk(), "--hands", "second", "--pose-speed", "faster") == 0
    assert made == [("second", "faster", "int8")]
    if unavailable("heavy"):
        with pytest.raises(MissingDependency, match="the pose model heavy is not here; get it: "):
            live(talk(), "--pose-model", "heavy")


def test_another_estimator_has_no_speed(live, model, tmp_path):
    other = shutil.copytree(model, tmp_path / "other")
    config = yaml.safe_load((other / "model.yaml").read_text(encoding="utf-8"))
    config["estimator"] = {"name": "openpose-json"}
    (other / "model.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(InputError, match=r"^--pose-stride, --pose-speed.*speed") as fault:
        live(talk(), "--model", other, "--pose-speed", "faster")
    assert "\n" not in str(fault.value)


def test_lost_frames_are_told_with_what_helps(live, monkeypatch, capsys):
    def lossy(self):
        while len(self._items) > 1:  # every one that is not the newest
            self._items.popleft()
            self.dropped += 1

    advice = "frames were lost: --pose-speed faster"
    live(talk())
    assert advice not in capsys.readouterr().err
    monkeypatch.setattr(Mailbox, "_drop", lossy)
    gone, pose = threading.Event(), talk()

    def each(number: int) -> None:
        """Whichever frame is the first: on a busy machine frame 0 is lost before the estimator begins."""
        assert gone.wait(600), "until the others are there"

    put = Mailbox.put

    def counted(self, item):
        put(self, item)
        if item.slot == len(pose) - 1:
            gone.set()

    monkeypatch.setattr(Mailbox, "put", counted)
    with pytest.raises(NothingToTranslate):
        live(pose, each=each)
    assert advice in capsys.readouterr().err
    gone.clear()
    with pytest.raises(NothingToTranslate):
        live(pose, "--pose-speed", "faster", each=each)
    assert "frames were lost: --pose-stride 2" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_a_source_that_goes_on_is_opened_when_the_models_are_loaded(model, tmp_path, monkeypatch, kind):
    path, done = tmp_path / "stream.ts", []
    if kind == "pipe":
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(b"no video",)).start()  # it waits for a reader
    else:
        path.write_bytes(b"no video")
    monkeypatch.setattr(MediaPipeEstimator, "load", lambda self: done.append("loaded"))
    with pytest.raises(InputError, match=r"stream\.ts"):
        main("live", [str(path), "--model", str(model), "--device", "cpu", "--wait", "0"], "")
    assert done == (["loaded"] if kind == "pipe" else [])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["https://example.org/a.ts"],
            "^https://example.org/a.ts: an address is not read; pipe it in: ffmpeg -i https://example.org/a.ts -f",
        ),
        ([""], "empty name"),
        (["FILM", "--wait", "nan"], "--wait nan"),
        (["FILM", "--wait", "-1"], "--wait -1"),
        (["FILM", "--seconds", "0"], "--seconds 0"),
        (["0", "--fps", "-25"], "--fps -25"),
        (["FILM", "-o", "FILM"], "is the source itself"),
    ],
)
def test_what_can_never_be_watched_is_told_before_anything_is_opened(tmp_path, argv, message):
    film = tmp_path / "film.txt"  # a name that a video may have, too
    film.write_bytes(b"video")
    with pytest.raises(InputError, match=message):
        main("live", [str(film) if one == "FILM" else one for one in argv], "")
    assert film.read_bytes() == b"video"


def test_numpy_has_one_thread_and_is_loaded_behind_that():
    """Only before it is loaded is the number of its threads read."""
    code = (
        "import os, sys, slt.cli\n"
        "class Told(dict):\n"
        "    def setdefault(self, key, value):\n"
        "        print(key, value, 'numpy' in sys.modules)\n"
        "os.environ = Told(os.environ)\n"
        "slt.cli.main(['live', ''])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout == "OPENBLAS_NUM_THREADS 1 False\n" and "empty name" in done.stderr
