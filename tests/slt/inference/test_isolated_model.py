"""A model folder of isolated signs in use: the label, the likeliest five, and nothing when nobody signs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import write_pose
from skeletor.poses.pose import PoseSequence
from slt.cli import main
from slt.inference.chain import load_chain
from slt.inference.model_folder import Card, ModelConfig, save_model_folder
from slt.inference.sentences import read_segments
from slt.recognise.config import PRESETS
from slt.recognise.isolated import train_signs
from slt.score.accuracy import score_hits
from slt.segment.rule import Segment
from slt.sharing.card import read_header
from slt.sharing.check import check_model
from slt.sharing.export import export_model
from slt.translate.abstain import fit_abstention
from tests.slt.recognise.test_isolated import signs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("isolated")
    train, unseen = signs(48, 1), [clip.pose for clip in signs(30, 7)]
    (root / "reader").mkdir()
    reader = train_signs(train, signs(8, 2), PRESETS["tiny"], root / "reader", 0, "cpu")
    abstention = fit_abstention(reader, [clip.pose for clip in train], unseen, unseen, 0.01)
    config = ModelConfig({"name": "mediapipe"}, "1", {"mode": "fast"}, {"name": "none"}, 25.0)
    card = Card("Toy signs", "Toy.", "none", "Nothing.", dataset="toy", languages=["de"])
    scores = {"test": score_hits([np.array([[1.0, 1.0], [0.0, 1.0]])])}
    return save_model_folder(root / "model", config, root / "reader", abstention, scores, card)


def written(pose: PoseSequence, path: Path) -> Path:
    write_pose(pose, path)
    return path


def test_a_sign_gets_its_label_and_the_likeliest_five(model, tmp_path, capsys):
    clip = signs(6, 9)[1]
    source = written(clip.pose, tmp_path / "clip.safetensors")
    with pytest.raises(SystemExit) as ended:
        main(["translate", str(source), "--model", str(model), "--segments", "none", "-o", str(tmp_path / "out"),
              "-f", "txt,json,srt"])  # fmt: skip
    assert ended.value.code == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[5:] == [str(tmp_path / f"out/clip.{kind}") for kind in ("txt", "json", "srt")]
    printed = printed[:5]
    assert printed[0] == clip.glosses[0] and printed[1].split()[0] == clip.glosses[0]
    assert (tmp_path / "out/clip.txt").read_text().splitlines() == printed
    told = json.loads((tmp_path / "out/clip.json").read_text())
    assert told["text"] == told["top"][0]["label"] == clip.glosses[0] and "glosses" not in told
    assert clip.glosses[0] in (tmp_path / "out/clip.srt").read_text()


def test_each_sign_of_a_recording_gets_them_too(model, tmp_path, capsys):
    one, other = (signs(6, 9)[k].pose for k in (1, 2))
    rest = one.replace(np.repeat(one.keypoints[-1:], 25, 0), np.repeat(one.confidence[-1:], 25, 0))
    both = rest.replace(*(np.concatenate([getattr(p, part) for p in (one, rest, other)])
                          for part in ("keypoints", "confidence")))  # fmt: skip
    chain = load_chain(model, device="cpu")
    cuts = (Segment(0.0, one.seconds), Segment(one.seconds + rest.seconds, both.seconds))
    read, _ = read_segments(chain, both, cuts, {})
    alone = [chain.translate_poses(pose, "alone") for pose in (one, other)]
    assert [sentence.top for sentence in read] == [whole.top for whole in alone] and len(read[0].top) == 4
    assert read[0].guesses() == alone[0].guesses() and read[0].guesses()[0].split()[0] == read[0].text


def test_it_abstains_when_nobody_signs(model, tmp_path):
    pose = signs(3, 9)[2].pose
    still = pose.replace(np.repeat(pose.keypoints[:1], len(pose), 0), pose.confidence)
    nobody = pose.replace(pose.keypoints * np.nan, pose.confidence * 0)
    chain = load_chain(model, device="cpu")
    for odd in (still.replace(still.keypoints * 3, still.confidence), nobody):
        result = chain.translate(written(odd, tmp_path / "odd.safetensors"))
        assert result.text is None and result.reason and result.guesses() == ()


def test_its_card_and_the_hubs_header_say_what_it_is(model, tmp_path):
    assert "| test | 2 | 50.0 [" in (model / "MODEL_CARD.md").read_text()
    out = export_model(model, tmp_path / "out")
    assert check_model(out).faults == ()
    header = read_header((out / "README.md").read_text())
    assert (header["pipeline_tag"], header["metrics"]) == ("video-classification", ["accuracy"])
    names = [metric["name"] for metric in header["model-index"][0]["results"][0]["metrics"]]
    assert names == ["accuracy", "top-5 accuracy"]
