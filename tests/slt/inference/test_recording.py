"""Long recordings through the chain: each segment is a clip of its own, and what is not understood says so."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from skeletor.io.people import by_turns, select
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.turns import Turn, with_turns
from slt.inference.chain import Translation, load_chain
from slt.inference.recording import Recording, cut_by, translate_recording
from slt.segment.rule import SegmentConfig
from slt.segment.written.cues import NOT_UNDERSTOOD
from tests.slt.toy import perform

SAID = (["wind", "schnee"], ["wind", "regen", "schnee"], ["schnee", "wind"])


def resting(seconds: float, seed: int) -> np.ndarray:
    """Both hands low, (T, 50, 3): as in the word "sonne", so that the bones are those of the toy language."""
    frames = np.repeat(perform(["sonne"], 0).keypoints[:1], round(seconds * 25), 0)
    return frames + np.random.default_rng(seed).normal(0, 0.01, frames.shape)


def talk(said: Sequence[list[str]] = SAID, unseen: int | None = None, pause: float = 2.0) -> PoseSequence:
    """Sentences with rests before, between and behind. unseen: the one in which nobody sees the shoulders."""
    frames = [resting(pause, 0)]
    shoulders = [np.ones(len(frames[0]))]
    for k, words in enumerate(said):
        signed = perform(words, 70 + k).keypoints
        frames += [signed, resting(pause, k + 1)]
        shoulders += [np.full(len(signed), float(k != unseen)), np.ones(len(frames[-1]))]
    points = np.concatenate(frames)
    confidence = np.ones(points.shape[:2])
    confidence[:, [2, 5]] = np.concatenate(shoulders)[:, None]
    return PoseSequence(points, confidence, 25, SIGNING_50, Provenance("talk", units="shoulder"))


@pytest.fixture(scope="module", name="chain")
def _chain(model):
    return load_chain(model, estimator="poses", device="cpu")


def test_each_segment_is_a_clip_of_its_own(chain):
    pose = talk()
    result = translate_recording(chain, "talk.mp4", lambda _: pose)
    assert isinstance(result, Recording) and len(result.sentences) == len(SAID) and result.reason is None
    for k, one in enumerate(result.sentences):
        start = 2.0 * (k + 1) + 0.28 * sum(map(len, SAID[:k]))
        # a word that is as low as the rest may belong to it; `lag` and margin come on top
        assert start - 0.25 <= one.start_s < one.end_s <= start + 0.28 * len(SAID[k]) + 0.25
        alone = chain.translate_poses(pose.frames(round(one.start_s * 25), round(one.end_s * 25)), "alone")
        assert (one.text, one.tokens, one.reason) == (alone.text, alone.tokens, None) and one.text
        assert one.signals == pytest.approx(alone.signals, abs=1e-4) and 0 < one.confidence <= 1
        assert one.confidence == pytest.approx(np.exp(one.signals["log_prob"])) and one.glosses
    assert result.text == "\n".join(one.text for one in result.sentences)
    assert "longer than the 1.2 s of one sentence: cut by a rule into 3 segments; look" in result.warnings[0]
    assert {"estimate", "segment", "translate", "judge"} <= set(result.seconds)


def test_what_is_not_understood_is_marked_and_nothing_is_made_up_for_it(chain):
    result = translate_recording(chain, "talk", lambda _: talk(unseen=1))
    first, second, third = result.sentences
    assert first.text and third.text and second.text is None and second.confidence is None
    assert "no signer found" in second.reason and not second.tokens
    assert result.text.splitlines()[1] == NOT_UNDERSTOOD and "3 segments; 1 not understood" in result.warnings[0]
    stored = json.loads(result.json())
    assert stored["text"] == result.text and stored["sentences"][1]["reason"] == second.reason
    assert stored["sentences"][0]["glosses"] and "glosses" not in stored["sentences"][1]


def test_without_any_sentence_there_is_a_reason_and_no_text(chain):
    result = translate_recording(chain, "talk", lambda _: talk(SAID[:1], unseen=0))
    assert result.text is None and "not one of its 1 segment was understood; the first: no signer" in result.reason
    asleep = PoseSequence(resting(5, 1), np.ones((125, 50)), 25, SIGNING_50, Provenance("r", units="shoulder"))
    nobody = PoseSequence(np.full((99, 50, 2), np.nan), np.zeros((99, 50)), 25, SIGNING_50)
    for pose in (asleep, nobody, nobody.frames(0, 0)):
        result = translate_recording(chain, "talk", lambda _, pose=pose: pose)
        assert result.text is None and "nobody signs" in result.reason and result.cues() == ()
        assert json.loads(result.json())["sentences"] == []


def in_turns() -> PoseSequence:
    """Two people of whom the second is larger and stands elsewhere: the first signs two sentences, the second one."""
    first, second = talk(SAID[:2]), talk(SAID[2:])
    points = np.concatenate([first.keypoints * 100 + 300, second.keypoints * 150 + [700, 310, 0]])
    both = PoseSequence(points, np.ones(points.shape[:2]), 25, SIGNING_50, Provenance("talk", units="metre"))
    turns = [Turn(0, len(first), 1), Turn(len(first), len(both), 2)]
    return with_turns(both, turns, ["at the left", "at the right"])


def test_people_who_sign_in_turns_are_read_by_themselves(chain):
    pose, cut = in_turns(), len(talk(SAID[:2]))
    result = translate_recording(chain, "talk", lambda _: pose, None)
    alone = [
        one
        for start, stop in ((0, cut), (cut, len(pose)))
        for one in translate_recording(chain, "talk", lambda _, a=start, b=stop: pose.frames(a, b)).sentences
    ]
    assert [one.signer for one in result.sentences] == [1, 1, 2]
    assert [(one.text, one.tokens) for one in result.sentences] == [(one.text, one.tokens) for one in alone]
    assert all(one.text for one in alone) and result.sentences[2].start_s >= cut / 25
    assert "2 people sign in turns: signer 1 at the left" in result.warnings[0]
    stored = json.loads(result.json())
    assert [one["signer"] for one in stored["sentences"]] == [1, 1, 2] and [cue.signer for cue in result.cues()] == [
        1,
        1,
        2,
    ]
    assert all(
        "signer" not in one for one in json.loads(translate_recording(chain, "x", lambda _: talk()).json())["sentences"]
    )
    whole = chain.spatial(pose)  # what is shown of it
    np.testing.assert_array_equal(whole.keypoints[:cut], chain.spatial(pose.frames(0, cut)).keypoints)
    np.testing.assert_array_equal(whole.keypoints[cut:], chain.spatial(pose.frames(cut, len(pose))).keypoints)


def test_a_short_recording_of_several_is_cut_and_one_sentence_is_of_one_signer(chain):
    pose = in_turns()
    limits = replace(chain.model.abstention.limits, thresholds=chain.model.abstention.thresholds | {"long": 100.0})
    patient = replace(chain.model, abstention=replace(chain.model.abstention, limits=limits))
    chain = replace(chain, model=patient)
    assert {one.signer for one in translate_recording(chain, "x", lambda _: pose, None).sentences} == {1, 2}
    single = translate_recording(chain, "x", lambda _: pose, "none")
    assert isinstance(single, Translation) and any(s["name"] == "one_signer" for s in single.provenance["stages"])


def test_who_is_read_of_several_is_chosen_for_one_sentence_as_chain_translate_does(chain, monkeypatch):
    taken = []
    monkeypatch.setattr(type(chain), "poses", lambda self, path, take=select: taken.append(take) or talk(SAID[:1]))
    for segments in ("none", None, "rule"):
        translate_recording(chain, "x", segments=segments)
    assert taken == [select, by_turns, by_turns]


def test_the_length_decides_unless_it_is_said(chain):
    short, long = perform(["wind", "schnee"], 3), talk()
    assert isinstance(translate_recording(chain, "x", lambda _: short, None), Translation)
    assert isinstance(translate_recording(chain, "x", lambda _: long, None), Recording)
    refused = translate_recording(chain, "x", lambda _: long, "none")
    assert isinstance(refused, Translation) and refused.text is None
    forced = translate_recording(chain, "x", lambda _: short, "auto")
    assert isinstance(forced, Recording) and "longer than" not in forced.warnings[0]
    (cue,) = translate_recording(chain, "x", lambda _: short, "none").cues()
    assert (cue.start_s, cue.end_s) == (0, short.seconds) and 0 < cue.confidence <= 1


def test_no_segment_is_longer_than_the_model_takes(chain):
    pose = talk([["wind", "schnee"] * 6])
    result = translate_recording(chain, "x", lambda _: pose)
    assert len(result.sentences) >= 3
    assert all(one.end_s - one.start_s <= chain.model.abstention.thresholds["long"] for one in result.sentences)
    assert all(one.reason is None or "too long" not in one.reason for one in result.sentences)


def test_segments_of_sparse_2d_begin_with_a_key_frame(chain):
    pose = talk()
    record = StageRecord("estimate", "1", {"pose_stride": 3})
    flat = PoseSequence(pose.keypoints[..., :2] * 100 + 300, pose.confidence, 25, SIGNING_50, Provenance("f"))
    points, confidence = np.full_like(flat.keypoints, np.nan), np.zeros_like(flat.confidence)
    points[::3], confidence[::3] = flat.keypoints[::3], flat.confidence[::3]
    result = translate_recording(chain, "x", lambda _: flat.replace(points, confidence, stage=record, units="pixel"))
    assert len(result.sentences) == len(SAID)
    for one in result.sentences:
        assert (round(one.start_s * 25) + 1) % 3 == 0, "the middle between two key frames"
        assert one.signals.get("body", 1.0) == 1.0, "the clip begins with a key frame"


def test_what_cuts_is_what_is_asked_for_or_stands_in_the_model(chain):
    named = replace(chain, model=replace(chain.model, config={**chain.model.config, "segmenter": "network"}))
    assert (
        cut_by(chain)
        == cut_by(chain, None)
        == cut_by(named, "rule")
        == cut_by(named, "auto", SegmentConfig())
        == "rule"
    )
    assert cut_by(named) == cut_by(named, None) == cut_by(chain, "network") == "network"


def test_a_network_that_finds_nothing_says_so(chain, monkeypatch):
    monkeypatch.setattr("slt.inference.recording.cut_turns", lambda *_: [])
    result = translate_recording(chain, "talk", lambda _: talk(), "network")
    assert result.text is None and result.reason.startswith("nobody signs: no motion is like signing")
