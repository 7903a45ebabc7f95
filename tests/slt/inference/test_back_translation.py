import dataclasses
import json

import numpy as np
import pytest
import torch

from skeletor.io.formats import write_pose
from skeletor.io.native import write_shard
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.cli.corpora.score import main
from slt.inference.back_translation import back_translate, find_sources
from slt.inference.chain import load_chain
from slt.score.scores import score
from slt.translate.translator import Translator
from tests.slt.toy import WORDS, clips, perform


def test_the_card_and_the_scores_tell_the_error_rate_of_the_glosses(model):
    stored = json.loads((model / "scores.json").read_text())["dev"]["wer"]
    assert stored < 40 and f"WER of the recognised glosses: dev {stored:.2f}." in (model / "MODEL_CARD.md").read_text()


def test_given_poses_are_translated_and_scored(model, tmp_path):
    test = clips(10, 3)
    write_shard({e.name: e.pose for e in test[:9]}, tmp_path / "some.safetensors")
    references = {e.name: e.text for e in test[1:]}
    chain = load_chain(model, estimator="poses", device="cpu")
    sources, failed = find_sources([tmp_path])
    result = back_translate(chain, sources, references, failed)
    texts = [h.text for h in chain.model.translator.translate([e.pose for e in test[1:9]])] + [""]
    assert list(result.hypotheses.values()) == texts and result.scores == score(texts, list(references.values()))
    assert result.missing == (test[9].name,) and result.unknown == (test[0].name,) and not result.failed
    assert result.scores.bleu1 > 30
    with pytest.raises(InputError, match="none of the 9 clips has a reference"):
        back_translate(chain, sources, {"x": "regen ."}, failed)


def test_poses_are_brought_to_what_the_translator_reads(model):
    chain = load_chain(model, estimator="poses", device="cpu")
    pose = perform(["regen", "wind"], 5)
    np.testing.assert_array_equal(chain.spatial(pose).keypoints, pose.keypoints)
    far = pose.replace(pose.keypoints * 300 + 500, units="pixel")
    np.testing.assert_allclose(chain.spatial(far).keypoints, normalise(far).keypoints)
    flat = PoseSequence(far.keypoints[..., :2], far.confidence, 25, SIGNING_50, Provenance(units="pixel"))
    np.testing.assert_array_equal(chain.spatial(flat).keypoints, chain.lifter(flat).keypoints)
    refined = pose.replace(stage=StageRecord("refine"))
    other = load_chain(model, refine="savgol", estimator="poses", device="cpu")
    assert np.array_equal(other.spatial(refined).keypoints, pose.keypoints)
    assert not np.array_equal(other.spatial(pose).keypoints, pose.keypoints)


def test_translate_tells_the_glosses_if_the_model_recognises_any(model, tmp_path):
    chain = load_chain(model, estimator="poses", device="cpu")
    pose = perform(["regen", "wind", "sonne"], 8)
    write_pose(pose.replace(pose.keypoints[..., :2] * 100 + 300, units="pixel"), tmp_path / "a.safetensors")
    result = chain.translate(tmp_path / "a.safetensors")
    expected = chain.model.translator.recognise([chain.lifter(chain.poses(tmp_path / "a.safetensors"))])[0]
    assert result.glosses == expected and set(expected) <= {w.upper() for w in WORDS}
    assert json.loads(result.json())["glosses"] == list(expected)
    assert "glosses" not in json.loads(dataclasses.replace(result, glosses=None).json())


def slrtp(pose: PoseSequence) -> torch.Tensor:
    """The pose in SLRTP's layout, y up, in another unit; hips below, a face that means nothing."""
    body = [SIGNING_50.index(f"{side}_{part}") for side in ("right", "left") for part in ("shoulder", "elbow", "wrist")]
    hands = [*SIGNING_50.group("right_hand"), *SIGNING_50.group("left_hand")]
    points = np.zeros((len(pose), 178, 3), np.float32)
    points[:, :6], points[:, 8:50] = pose.keypoints[:, body], pose.keypoints[:, hands]
    points[:, 6:8] = [[-0.3, 2, 0], [0.3, 2, 0]]
    points[:, 50:] = 9
    return torch.from_numpy(points * np.array([1, -1, 1], np.float32) * 0.4)


def test_the_command_reads_all_formats_and_lists_what_it_cannot_use(model, tmp_path, capsys):
    test = clips(8, 4)
    folder = tmp_path / "poses"
    folder.mkdir()
    write_pose(test[0].pose, folder / "renamed.safetensors")
    records = {e.name: {"poses_3d": slrtp(e.pose), "text": e.text} for e in test[1:5]}
    torch.save({**records, "short": torch.zeros(3, 4, 3)}, folder / "sent.pt")
    flat = test[5].pose.keypoints[..., :2] * 100 + 300
    pixel = PoseSequence(flat, np.ones(flat.shape[:2]), 25, SIGNING_50, Provenance(units="pixel"))
    write_pose(pixel.to_skeleton(BODY25_HANDS), folder / f"{test[5].name}.pose")
    write_pose(pixel.to_skeleton(BODY25_HANDS), folder / test[6].name)
    (folder / "bad.pose").write_bytes(b"no pose")
    (folder / "readme.md").write_text("not a pose")
    (folder / "notes.json").write_text("{}")
    names = ["renamed", *(e.name for e in test[1:]), "short", "bad"]
    texts = [e.text for e in test] + ["regen .", "wind ."]
    refs = tmp_path / "refs.tsv"
    refs.write_text("".join(f"{n}\t{t}\n" for n, t in zip(names, texts, strict=True)))
    out = tmp_path / "out"
    argv = ["--poses", folder, "--refs", refs, "--model", model, "-o", out, "--device", "cpu"]
    assert main("score", [str(a) for a in argv], "") == 2
    shown = capsys.readouterr()
    assert "BLEU-4" in shown.out and "nrefs:1" in shown.out
    assert f"1 clips have no pose and count as empty: {test[7].name}" in shown.err
    assert "bad.pose" in shown.err and "clip 'short'" in shown.err and "2 files or clips failed" in shown.err
    assert "poses by slrtp" in shown.err and "Traceback" not in shown.err and "readme" not in shown.err
    rows = [line.split("\t") for line in (out / "hypotheses.tsv").read_text().splitlines()[1:]]
    assert [row[0] for row in rows] == names and [row[2] for row in rows] == texts
    said = {row[0]: row[1] for row in rows}
    assert said["short"] == said["bad"] == said[test[7].name] == ""
    assert all(said[name] for name in names[:7])
    translator = Translator.load(model, "cpu")
    assert said["renamed"] == translator.translate([test[0].pose])[0].text
    right = [w in said[e.name].split() for e in test[1:5] for w in e.text.split()]
    assert np.mean(right) > 0.6  # from SLRTP's joints, without a nose, the model understands what it has learned
    stored = json.loads((out / "scores.json").read_text())
    assert stored["missing"] == [test[7].name] and stored["n"] == len(names) and "bleu4" in stored["intervals"]


def test_a_pt_brings_its_own_sentences_and_nothing_else_does(model, tmp_path, capsys):
    records = {e.name: {"poses_3d": slrtp(e.pose), "text": e.text} for e in clips(3, 6)}
    torch.save(records, tmp_path / "a.pt")
    assert main("score", ["--poses", str(tmp_path / "a.pt"), "--model", str(model), "--json"], "") == 0
    assert json.loads(capsys.readouterr().out)["n"] == 3
    with pytest.raises(InputError, match="--refs is missing"):
        main("score", ["--poses", str(tmp_path), "--model", str(model)], "")
    with pytest.raises(InputError, match="no such file"):
        main("score", ["--poses", str(tmp_path / "none"), "--refs", "x", "--model", str(model)], "")
    for argv in (["--poses", "a", "--hyp", "b"], ["--hyp", "b"], []):
        with pytest.raises(SystemExit) as caught:
            main("score", argv, "")
        assert caught.value.code == 2


def test_sentences_by_line_are_in_the_order_of_the_clips(model, tmp_path, capsys):
    test = clips(4, 9)
    for order in ((2, 0, 1), (1, 2, 0)):
        torch.save({f"n{k}": slrtp(test[k].pose) for k in order}, tmp_path / "a.pt")
        (tmp_path / "b.safetensors").write_bytes(b"no poses")
        write_pose(test[3].pose, tmp_path / "c.safetensors")
        texts = [test[k].text for k in order] + ["schnee .", test[3].text]
        (tmp_path / "refs.txt").write_text("\n".join(texts))
        files = [tmp_path / name for name in ("a.pt", "b.safetensors", "c.safetensors")]
        argv = ["--poses", *files, "--refs", tmp_path / "refs.txt", "--model", model, "-o", tmp_path / "out"]
        assert main("score", [str(a) for a in argv], "") == 2
        rows = (tmp_path / "out" / "hypotheses.tsv").read_text().splitlines()[1:]
        names = [*(f"n{k}" for k in order), "b", test[3].name]
        assert [row.split("\t")[::2] for row in rows] == [list(pair) for pair in zip(names, texts, strict=True)]
        assert capsys.readouterr().err.count("b.safetensors") == 1


def test_a_clip_goes_by_its_own_name_or_without_folders_or_by_its_file(model, tmp_path):
    pose = perform(["sonne"], 10)
    write_shard({"dev/one": pose, "two": pose}, tmp_path / "x.safetensors")
    write_shard({"inner": pose}, tmp_path / "three.safetensors")
    sources, _ = find_sources([tmp_path])
    for references in (["one", "two", "three"], ["dev/one", "two", "inner"]):
        assert sorted(s.called(dict.fromkeys(references, "")) for s in sources) == sorted(references)
    assert [s.called({}) for s in sources] == ["inner", "dev/one", "two"]
    write_shard({"test/one": pose, "dev/one": pose}, tmp_path / "x.safetensors")
    sources, failed = find_sources([tmp_path / "x.safetensors"])
    result = back_translate(load_chain(model, estimator="poses", device="cpu"), sources, {"one": "sonne ."}, failed)
    assert list(result.failed) == ["test/one"] and result.hypotheses["one"]


def test_a_name_that_stands_in_two_files_is_told(model, tmp_path):
    pose = perform(["wind"], 7)
    for name in ("a", "b"):
        write_shard({"same": pose, name: pose}, tmp_path / f"{name}.safetensors")
    sources, failed = find_sources([tmp_path])
    assert [s.name for s in sources] == ["a", "same", "b"] and len(failed) == 1
    assert "also in another file" in next(iter(failed.values()))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files of poses"):
        find_sources([tmp_path / "empty"])
