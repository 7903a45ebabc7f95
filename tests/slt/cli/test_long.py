"""Long recordings of `slt translate`: worked on in parts, alike, and a killed run goes on."""

import argparse
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from skeletor.io.native import write_shard
from skeletor.poses.pose import Provenance
from slt.cli import long
from slt.cli import translate as translate_module
from slt.cli.translate import main
from slt.estimators.mediapipe.estimator import unavailable
from slt.inference import sentences
from slt.inference.journal import FileJournal
from slt.video import write_video
from tests.skeletor.lifters.test_choice import weights
from tests.slt.inference.test_recording import SAID, talk


@pytest.fixture(name="translate")
def _translate(model, monkeypatch):
    def call(*argv, parts=True):
        monkeypatch.setattr(long, "LONG", 3.0 if parts else 1e9)
        return main("translate", [str(a) for a in (*argv, "--model", model, "--device", "cpu")], "")

    monkeypatch.setattr(long, "_SMALL", 0)
    return call


@pytest.fixture(name="file")
def _file(tmp_path):
    write_shard({"talk": talk(SAID * 3)}, tmp_path / "talk.safetensors")
    return tmp_path / "talk.safetensors"


def results(folder):
    return json.loads((folder / "talk.json").read_text()), (folder / "talk.srt").read_text()


def alike(one, other):
    """All of two results, but for the seconds that they took; numbers as far as a sum's order does not change them."""
    (first, subtitles), (second, others) = results(one), results(other)
    assert subtitles == others and len(first["sentences"]) == len(second["sentences"])
    assert [first[key] for key in ("source", "text", "provenance", "warnings", "duration")] == [
        second[key] for key in ("source", "text", "provenance", "warnings", "duration")
    ]
    for a, b in zip(first["sentences"], second["sentences"], strict=True):
        assert a.pop("signals") == pytest.approx(b.pop("signals"), abs=1e-4)
        for key in ("confidence", "score"):
            assert a.pop(key) == pytest.approx(b.pop(key), abs=1e-4)
        assert a == b
    return True


def test_parts_give_what_the_whole_gives_for_any_number_at_a_time(translate, file, tmp_path, monkeypatch):
    assert translate(file, "-o", tmp_path / "whole", "-f", "json,srt", parts=False) == 0
    for group in (1, 4, 32):
        monkeypatch.setattr(sentences, "GROUP", group)
        assert translate(file, "-o", tmp_path / "parts", "-f", "json,srt") == 0
        assert alike(tmp_path / "parts", tmp_path / "whole")
        assert not list((tmp_path / "parts").glob("*.work"))
    assert len(results(tmp_path / "whole")[0]["sentences"]) == 3 * len(SAID)


@pytest.mark.parametrize("last", [2, 4])
def test_a_killed_run_goes_on_with_the_sentences_that_are_there(translate, file, tmp_path, monkeypatch, last):
    translate(file, "-o", tmp_path / "whole", "-f", "json,srt")
    monkeypatch.setattr(sentences, "GROUP", 2)
    write, read = FileJournal.write, []

    def killed(self, number, *found):
        write(self, number, *found)
        if number == last:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileJournal, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            translate(file, "-o", tmp_path / "out", "-f", "json,srt")
    assert sorted(one.name for one in (tmp_path / "out" / "talk.work").glob("sentences*")) == [
        f"sentences-0000{number}.json" for number in range(last + 1)
    ]
    made = sentences._read
    monkeypatch.setattr(sentences, "_read", lambda *args: read.append(1) or made(*args))
    assert translate(file, "-o", tmp_path / "out", "-f", "json,srt") == 0
    assert alike(tmp_path / "out", tmp_path / "whole") and len(read) == 4 - last  # of five groups
    assert not (tmp_path / "out" / "talk.work").exists()


def test_what_another_chain_has_read_is_read_anew(translate, file, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(long.shutil, "rmtree", lambda *_, **__: None)
        translate(file, "-o", tmp_path / "out", "-f", "json,srt")
    made, read = sentences._read, []
    monkeypatch.setattr(sentences, "_read", lambda *args: read.append(1) or made(*args))
    translate(file, "-o", tmp_path / "out", "-f", "json,srt", "--refine", "savgol")
    assert read


def test_only_what_is_long_is_worked_on_in_parts(file, tmp_path, monkeypatch):
    from slt.cli.inputs import find_inputs
    from slt.estimators.given import PoseFiles

    monkeypatch.setattr(long, "_SMALL", 0)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    inputs = find_inputs([str(file), str(tmp_path / "broken.mp4"), str(tmp_path / "none.mp4"), "http://x/y.mp4"])
    assert long.long_inputs(inputs, PoseFiles(), None) == frozenset()
    monkeypatch.setattr(long, "LONG", 3.0)
    assert long.long_inputs(inputs, PoseFiles(), None) == {inputs[0].shown}
    assert long.long_inputs(inputs, PoseFiles(), "none") == frozenset()


def test_minutes_of_a_small_picture_are_long(tmp_path):
    from slt.cli.inputs import find_inputs
    from slt.estimators.given import PoseFiles

    noise = np.random.default_rng(0).integers(0, 256, (200, 32, 32, 3), np.uint8)
    write_video(tmp_path / "a.mp4", list(noise), 1)
    (one,) = find_inputs([str(tmp_path / "a.mp4")])
    assert one.file.stat().st_size < 1_000_000, "a few kilobytes a second, as phones' messengers have it"
    assert long.long_inputs([one], PoseFiles(), None) == {one.shown}


def test_a_video_of_several_people_is_one_part(tmp_path, monkeypatch):
    from slt.cli.inputs import find_inputs
    from slt.estimators.given import PoseFiles

    monkeypatch.setattr(long, "_SMALL", 0)
    monkeypatch.setattr(long, "LONG", 0.1)
    write_video(tmp_path / "a.mp4", [np.full((32, 32, 3), 10 * k, np.uint8) for k in range(6)], 25)
    (one,) = find_inputs([str(tmp_path / "a.mp4")])
    assert long.long_inputs([one], PoseFiles(), None) == {one.shown}
    assert long.long_inputs([one], PoseFiles(), None, "turns") == frozenset()


def asked(**given):
    every = ("refine", "refine2d", "lift", "upsample", "estimator", "pose_stride", "fps", "pose_speed", "people",
             "pose_model", "hands")  # fmt: skip
    return argparse.Namespace(**(dict.fromkeys(every) | given))


@pytest.fixture(name="several")
def _several(model, tmp_path):
    """A model that was trained with several people in a video."""
    folder = shutil.copytree(model, tmp_path / "several")
    config = yaml.safe_load((folder / "model.yaml").read_text())
    config["estimator"] = {"name": "mediapipe", "people": "turns"}
    (folder / "model.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_how_a_long_video_is_estimated_is_what_was_asked_for(several):
    options = long.estimator_options(
        asked(model=several, people="one", pose_stride=2, pose_speed="fast", hands="second")
    )
    assert (options.people, options.pose_stride, options.speed, options.hands) == ("one", 2, "fast", "second")
    assert long.estimator_options(asked(model=several)).people == "turns"


@pytest.mark.skipif(bool(unavailable()), reason="no mediapipe")
def test_a_model_of_several_people_has_its_videos_whole(several, tmp_path, monkeypatch):
    people = []
    monkeypatch.setattr(translate_module, "long_inputs", lambda *args: people.append(args[3]) or frozenset())
    argv = [str(tmp_path / "none.mp4"), "--model", str(several), "--device", "cpu"]
    assert main("translate", argv, "") == 2
    assert people == ["turns", "turns"]
    assert main("translate", [*argv, "--people", "one"], "") == 2
    assert "turns" not in people[2:] and len(people) == 4


def test_sentences_of_other_weights_under_the_same_name_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("SLT_RUNS", str(tmp_path))
    chain, raw = SimpleNamespace(model=SimpleNamespace(config={})), SimpleNamespace(provenance=Provenance())
    args = asked(lift="joint-token")
    weights(tmp_path / "a" / "lifter.safetensors", "joint-token", 1000)
    long.journal(chain, raw, args, tmp_path).write(0, [], Provenance())
    assert long.journal(chain, raw, args, tmp_path).read(0) is not None
    weights(tmp_path / "b" / "lifter.safetensors", "joint-token", 2000)
    assert long.journal(chain, raw, args, tmp_path).read(0) is None
