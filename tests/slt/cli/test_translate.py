"""`slt translate` as a user meets it: 3D as it is, every clip of a file, no old result beside a refusal."""

import json
from dataclasses import replace

import numpy as np
import pytest

from skeletor.io.native import write_shard
from skeletor.io.skels import write_poses as write_skels
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.cli.translate import main
from slt.inference.chain import AS_THEY_ARE, load_chain
from slt.score.scores import score
from tests.slt.toy import perform


@pytest.fixture(name="translate")
def _translate(model):
    return lambda *argv: main("translate", [str(a) for a in (*argv, "--model", model, "--device", "cpu")], "")


def nobody(frames: int = 20) -> PoseSequence:
    return PoseSequence(np.full((frames, 50, 2), np.nan), np.zeros((frames, 50)), 25, SIGNING_50, Provenance("n"))


def flat(pose: PoseSequence) -> PoseSequence:
    about = Provenance("f", units="pixel")
    return PoseSequence(pose.keypoints[..., :2] * 100 + 300, pose.confidence, pose.fps, SIGNING_50, about)


def sentence(model, pose: PoseSequence) -> str:
    return load_chain(model, estimator="poses", device="cpu").model.translator.translate([pose])[0].text


def test_3d_is_used_as_3d_in_every_unit_and_the_warnings_say_so(model, translate, tmp_path, capsys):
    pose = perform(["regen", "wind", "sonne"], 31)
    wanted = sentence(model, pose)
    metres = PoseSequence(pose.keypoints * 0.4 + 2, pose.confidence, 25, SIGNING_50, Provenance("m", units="metre"))
    write_shard({"c": pose}, tmp_path / "shoulder.safetensors")
    write_shard({"c": metres}, tmp_path / "metre.safetensors")
    write_skels({"c": pose}, tmp_path / "text.skels")
    for name in ("shoulder.safetensors", "metre.safetensors", "text.skels"):
        assert translate(tmp_path / name, "-o", tmp_path / "out", "-f", "json", "--refine", "none") == 0
        shown = capsys.readouterr()
        written = tmp_path / "out" / f"{name.split('.')[0]}.json"
        assert shown.out == f"{wanted}\n{written}\n" and f"warning: {AS_THEY_ARE}" in shown.err
        result = json.loads(written.read_text())
        assert AS_THEY_ARE in result["warnings"] and "lift" not in result["seconds"]
        assert "drop_depth" not in [stage["name"] for stage in result["provenance"]["stages"]]
    # depth counts: without it the same poses are lifted, and nothing is said of 3D
    write_shard({"c": flat(pose)}, tmp_path / "flat.safetensors")
    translate(tmp_path / "flat.safetensors", "-o", tmp_path / "out", "-f", "json")
    assert "lift" in json.loads((tmp_path / "out" / "flat.json").read_text())["seconds"]
    assert AS_THEY_ARE not in capsys.readouterr().err


def test_what_was_refined_is_not_refined_again(model):
    chain = load_chain(model, refine="savgol", estimator="poses", device="cpu")
    pose = perform(["regen", "wind"], 32)
    refined = pose.replace(stage=StageRecord("refine", "1", {"name": "skeletor"}))
    assert np.array_equal(chain.spatial(refined).keypoints, pose.keypoints)
    assert not np.array_equal(chain.spatial(pose).keypoints, pose.keypoints)
    left_alone = pose.replace(stage=StageRecord("refine", "1", {"name": "none"}))
    assert not np.array_equal(chain.spatial(left_alone).keypoints, pose.keypoints)
    assert "refined before, and not again" in chain.warnings(refined)


def test_of_a_model_that_learned_from_files_of_poses_nobody_knows_who_made_them(model, monkeypatch):
    chain = load_chain(model, estimator="poses", device="cpu")
    monkeypatch.setitem(chain.model.config, "estimator", {"name": "poses"})
    pose = perform(["regen", "wind"], 32)
    made = replace(pose.provenance, estimator="mediapipe")
    for by, told in (("poses", False), ("openpose-json", False), ("mediapipe", True)):
        about = made.then(StageRecord("estimate", "1", {"estimator": by}))
        source = PoseSequence(pose.keypoints, pose.confidence, pose.fps, pose.skeleton, about)
        assert ("poses by mediapipe, the model was trained on poses" in chain.warnings(source)) is told


def test_a_model_that_learned_from_given_poses_says_what_finds_them_in_a_video(model, tmp_path):
    chain = load_chain(model, estimator="poses", device="cpu")
    (tmp_path / "a.mp4").touch()
    with pytest.raises(
        InputError, match=r"a\.mp4: no poses, and the model \(.*\) was trained on given ones; --estimator"
    ):
        chain.poses(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"b\.mp4: no such file"):
        chain.poses(tmp_path / "b.mp4")


def test_the_abstention_works_on_3d_with_and_without_confidences(model, tmp_path):
    chain = load_chain(model, estimator="poses", device="cpu")
    pose = perform(["regen", "wind", "sonne"], 33)
    unseen = pose.replace(confidence=np.zeros_like(pose.confidence))
    half = pose.confidence.copy()
    half[5:] = 0
    for name, one, told in (
        ("plain", pose, True),
        ("unseen", unseen, False),
        ("half", pose.replace(confidence=half), True),
    ):
        write_shard({"c": one}, tmp_path / f"{name}.safetensors")
        result = chain.translate(tmp_path / f"{name}.safetensors")
        if name == "half":
            assert result.text is None and "no signer found" in result.reason
        else:
            assert result.text and ("body" in result.signals) == told


def test_translate_and_score_take_the_same_poses_alike(model, translate, tmp_path, capsys):
    from slt.cli.corpora.score import main as score_main

    clips = {f"c{k}": perform(["regen", "wind", "sonne", "schnee"][k:], 40 + k) for k in range(3)}
    write_shard(clips, tmp_path / "s.safetensors")
    translate(tmp_path / "s.safetensors")
    said = {
        line.split(": ")[0].rpartition("#")[2]: line.split(": ", 1)[1] for line in capsys.readouterr().out.splitlines()
    }
    (tmp_path / "r.tsv").write_text("".join(f"{name}\tregen wind .\n" for name in clips))
    argv = ["--poses", tmp_path / "s.safetensors", "--refs", tmp_path / "r.tsv", "--model", model, "-o", tmp_path / "o"]
    assert score_main("score", [*map(str, argv), "--json"], "") == 0
    rows = [line.split("\t") for line in (tmp_path / "o" / "hypotheses.tsv").read_text().splitlines()[1:]]
    assert {row[0]: row[1] for row in rows} == said
    stored = json.loads(capsys.readouterr().out)
    assert stored["bleu1"] == score([row[1] for row in rows], ["regen wind ."] * 3).bleu1


def test_every_clip_of_a_file_is_translated_and_one_can_be_chosen(model, translate, tmp_path, capsys):
    clips = {"a": perform(["regen"] * 3, 50), "b/c": perform(["wind", "sonne"] * 2, 51)}
    write_shard(clips, tmp_path / "s.safetensors")
    assert translate(tmp_path / "s.safetensors", "-o", tmp_path / "out") == 0
    wanted = {name: sentence(model, pose) for name, pose in clips.items()}
    said = capsys.readouterr().out.splitlines()
    files = {"a": tmp_path / "out" / "s#a.txt", "b/c": tmp_path / "out" / "s#b_c.txt"}
    told = [[f"{tmp_path}/s.safetensors#{name}: {wanted[name]}", str(file)] for name, file in files.items()]
    assert said == [*told[0], *told[1]], "each sentence, and the file that it went to"
    assert (tmp_path / "out" / "s#b_c.txt").read_text() == wanted["b/c"] + "\n"
    assert translate(tmp_path / "s.safetensors", "--clip", "a", "-o", tmp_path / "one") == 0
    assert capsys.readouterr().out.splitlines() == [wanted["a"], str(tmp_path / "one" / "s.txt")]
    assert [p.name for p in (tmp_path / "one").iterdir()] == ["s.txt"]
    assert translate(tmp_path / "s.safetensors", "--clip", "x", "-o", tmp_path / "one") == 2
    assert "none is called 'x'" in capsys.readouterr().err and not list((tmp_path / "one").iterdir())


@pytest.mark.parametrize("second", ["abstains", "fails"])
def test_an_older_result_is_gone_where_there_is_no_new_one(translate, tmp_path, capsys, second):
    out = tmp_path / "out"
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    write_shard({"x": perform(["regen", "wind"], 60)}, tmp_path / "one" / "x.safetensors")
    assert translate(tmp_path / "one" / "x.safetensors", "-o", out, "-f", "txt,srt,json") == 0
    (out / "other.txt").write_text("another clip's")
    source = tmp_path / "two" / "x.safetensors"
    if second == "abstains":
        write_shard({"x": nobody()}, source)
        assert translate(source, "-o", out, "-f", "txt,srt,json") == 3
        assert sorted(p.name for p in out.iterdir()) == ["other.txt", "x.json"]
        result = json.loads((out / "x.json").read_text())
        assert result["text"] is None and "no signer" in result["reason"]
    else:
        source.write_bytes(b"damaged")
        assert translate(source, "-o", out, "-f", "txt,srt,json") == 2
        assert sorted(p.name for p in out.iterdir()) == ["other.txt"]


def test_an_older_result_is_gone_before_the_work_begins(translate, tmp_path, monkeypatch):
    write_shard({"x": perform(["regen"], 61)}, tmp_path / "x.safetensors")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.srt").write_text("old")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("slt.inference.chain.Chain.translate_poses", killed)
    with pytest.raises(KeyboardInterrupt):
        translate(tmp_path / "x.safetensors", "-o", tmp_path / "out", "-f", "srt")
    assert not list((tmp_path / "out").iterdir())


def test_a_file_of_a_format_that_is_not_asked_for_is_left_and_told(translate, tmp_path, capsys):
    """`x.srt` beside `x.safetensors` may be the user's own subtitles."""
    write_shard({"x": nobody()}, tmp_path / "x.safetensors")
    (tmp_path / "x.srt").write_text("mine")
    assert translate(tmp_path / "x.safetensors", "-o", tmp_path) == 3
    assert (tmp_path / "x.srt").read_text() == "mine" and "x.srt is of an earlier run" in capsys.readouterr().err


def test_several_refusals_are_not_failures(translate, tmp_path, capsys):
    write_shard({f"n{k}": nobody() for k in range(3)}, tmp_path / "s.safetensors")
    assert translate(tmp_path / "s.safetensors") == 3
    error = capsys.readouterr().err.splitlines()
    assert error[-1] == "3 of 3 not translated" and not any("failed" in line for line in error)
    assert sum("not translated: no signer found" in line for line in error) == 3


def test_options_that_can_have_no_effect_are_refused(translate, tmp_path):
    write_shard({"x": perform(["regen"], 61)}, tmp_path / "x.safetensors")
    for argv, part in (
        (["-f", "srt"], "--formats srt: nothing is written without a folder"),
        (["-f", "pdf", "-o", tmp_path], "'pdf' is none of txt, json, srt"),
    ):
        with pytest.raises(InputError, match=part):
            translate(tmp_path / "x.safetensors", *argv)


def test_the_frame_rate_of_poses_can_be_told(translate, tmp_path, capsys):
    write_shard({"x": perform(["regen", "wind"], 62)}, tmp_path / "x.safetensors")
    translate(tmp_path / "x.safetensors", "--fps", "50", "-o", tmp_path / "out", "-f", "json")
    result = json.loads((tmp_path / "out" / "x.json").read_text())
    assert result["duration"] == pytest.approx(14 / 50) and "50 fps, the model was trained at 25" in " ".join(
        result["warnings"]
    )


def test_the_json_is_json_whatever_the_numbers(model, tmp_path):
    import dataclasses

    write_shard({"x": perform(["regen", "wind"], 63)}, tmp_path / "x.safetensors")
    result = load_chain(model, estimator="poses", device="cpu").translate(tmp_path / "x.safetensors")
    odd = dataclasses.replace(result, score=float("-inf"), signals={"states": float("nan")})
    values = json.loads(odd.json(), parse_constant=lambda name: pytest.fail(name))
    assert values["score"] is None and values["signals"] == {"states": None}
