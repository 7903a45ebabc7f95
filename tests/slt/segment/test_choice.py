"""What cuts a recording: the rule, or the network that comes with the package; both keep to the longest clip."""

import numpy as np
import pytest

from skeletor.poses.turns import Turn, with_turns
from skeletor.support.errors import InputError
from slt.segment import network
from slt.segment.choice import CUTS, cut_recording, cut_stream, cut_turns
from slt.segment.network import NetworkConfig, Segmenter, SegmentNetwork
from slt.segment.rule import SegmentConfig, find_segments
from slt.synthetic.signing.motion import perform, perform_idle
from slt.synthetic.signing.signers import SIGNERS
from tests.slt.segment.test_features import pixels

PARTS = [
    perform_idle(SIGNERS[1], np.random.default_rng(0), 4.0).pose,
    perform(["MORGEN", "NORD", "REGEN", "WIND"], SIGNERS[1], np.random.default_rng(1)).pose,
    perform_idle(SIGNERS[1], np.random.default_rng(2), 4.0).pose,
]
TAKE = pixels(PARTS[0].replace(*(np.concatenate([getattr(p, n) for p in PARTS]) for n in ("keypoints", "confidence"))))


def test_the_rule_is_the_rule():
    config = SegmentConfig(low=0.5)
    assert cut_recording(TAKE, "rule", 5.0, config) == find_segments(TAKE, config, 5.0)


@pytest.mark.parametrize("by", CUTS)
def test_no_segment_is_longer_than_it_may_be(by):
    found = cut_recording(TAKE, by, 1.0)
    assert found and max(one.end_s - one.start_s for one in found) <= 1.0 + 1e-9


@pytest.mark.parametrize("by", CUTS)
def test_turns_are_cut_by_themselves(by):
    cut = len(PARTS[0]) + 20  # within the sentence
    pose = with_turns(TAKE, [Turn(0, cut, 1), Turn(cut, len(TAKE), 2)], ["", ""])
    found = cut_turns(pose, by)
    for one in found:
        assert one.end_s <= cut / TAKE.fps if one.signer == 1 else one.start_s >= cut / TAKE.fps
    own = cut_recording(TAKE.frames(cut, len(TAKE)), by)
    second = [one for one in found if one.signer == 2]
    assert [one.start_s - cut / TAKE.fps for one in second] == pytest.approx([one.start_s for one in own])
    assert [one.end_s - cut / TAKE.fps for one in second] == pytest.approx([one.end_s for one in own])
    assert {one.signer for one in found} == {1, 2}
    assert cut_turns(TAKE, by) == cut_recording(TAKE, by)


def test_the_network_finds_the_sentence_and_nothing_else():
    (found,) = cut_recording(TAKE, "network")
    start = PARTS[0].seconds
    assert abs(found.start_s - start) < 0.4 and abs(found.end_s - start - PARTS[1].seconds) < 0.4


@pytest.mark.parametrize("by", CUTS)
def test_while_frames_come_in_the_same_is_found(by):
    stream = cut_stream(by, TAKE.fps, 8.0)
    found = stream.push(TAKE) + stream.finish()
    whole = cut_recording(TAKE, by, 8.0)
    assert len(found) == len(whole) >= 1
    for one, other in zip(found, whole, strict=True):
        assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=0.2)


def test_without_its_weights_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(network, "SHIPPED", tmp_path / "none.safetensors")
    network.shipped_segmenter.cache_clear()
    try:
        with pytest.raises(InputError, match="the network of segments is missing"):
            cut_recording(TAKE, "network")
        with pytest.raises(InputError, match="the network of segments is missing"):
            cut_stream("network", 25.0)
        Segmenter(SegmentNetwork(NetworkConfig()), NetworkConfig()).save(tmp_path / "none.safetensors", {})
        assert network.shipped_segmenter() is None  # what was found once is not looked for again
    finally:
        network.shipped_segmenter.cache_clear()
