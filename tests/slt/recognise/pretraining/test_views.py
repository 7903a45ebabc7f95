"""What is hidden of a clip, and segments in another order."""

import numpy as np
import pytest
import torch

from skeletor.poses.skeleton import SIGNING_50
from slt.recognise.config import PRESETS
from slt.recognise.pretraining.config import PretrainConfig
from slt.recognise.pretraining.views import DOUBTS, ORDERS, Clips, hide, shuffle
from slt.translate.features import MOVING, STILL, STREAMS, WIDTH, pose_features
from tests.slt.toy import perform

CONFIG = PretrainConfig(recogniser=PRESETS["tiny"])  # without noise
UNSEEN = torch.tensor([5.0, 7.0])


def clips(*lengths: int, seed: int = 0) -> Clips:
    """Random clips, all of which is known."""
    rows = max(lengths)
    frames = torch.randn(len(lengths), rows, WIDTH + 1, generator=torch.Generator().manual_seed(seed))
    frames[:, :, -1] = torch.arange(rows) < torch.tensor(lengths)[:, None]
    frames *= frames[:, :, -1:]
    return Clips(frames, torch.ones(len(lengths), rows, WIDTH, dtype=torch.bool) & (frames[:, :, -1:] > 0))


def hidden_alone(**shares: float) -> PretrainConfig:
    return CONFIG.model_copy(update={"hand_drop": 0.0, "frame_drop": 0.0, "joint_drop": 0.0, **shares})


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_is_hidden_where_no_share_says_so() -> None:
    batch = clips(9, 20)
    view = hide(batch, UNSEEN, hidden_alone(), generator())
    assert torch.equal(view.frames, batch.frames) and not view.hidden.any()


def test_what_is_hidden_is_the_mean_and_the_rest_as_it_was() -> None:
    batch = clips(40, 25)
    batch.known[:, :, 3] = False
    before = batch.frames.clone()
    view = hide(batch, UNSEEN, CONFIG, generator())
    assert torch.equal(batch.frames, before) and 0.1 < view.hidden.float().mean() < 0.7
    plain = view.frames[:, :, :WIDTH]
    assert (plain[view.hidden] == 0).all() and not view.hidden[1, 25:].any() and (view.frames[1, 25:] == 0).all()
    assert not view.hidden[:, :, 3].any() and not view.hidden[:, :, list(DOUBTS)].any()
    others = ~view.hidden & batch.known
    others[:, :, list(DOUBTS)] = False
    assert torch.equal(plain[others], before[:, :, :WIDTH][others])


@pytest.mark.parametrize(("share", "expected"), [("hand_drop", 0.3), ("frame_drop", 0.2)])
def test_shares_are_means_over_rows(share: str, expected: float) -> None:
    view = hide(clips(*[60] * 200), UNSEEN, hidden_alone(**{share: expected}), generator())
    found = view.hidden[:, :, STREAMS["left_hand"][0]].float().mean().item()
    assert 0.7 * expected < found < 1.1 * expected  # runs overlap, and are cut at the end


def test_a_lost_hand_is_told_by_its_doubt_and_takes_no_other_part_along() -> None:
    batch = clips(*[50] * 20)
    view = hide(batch, UNSEEN, hidden_alone(hand_drop=0.3), generator())
    assert not view.hidden[:, :, list(STREAMS["body"])].any()
    for k, side in enumerate(("right_hand", "left_hand")):
        lost = view.hidden[:, :, STREAMS[side][0]]
        assert lost.any() and torch.equal(view.frames[:, :, DOUBTS[k]] == UNSEEN[k], lost)
        places = [c for c in STREAMS[side] if c < STILL and c != DOUBTS[k]]
        assert torch.equal(view.hidden[:, :, places], lost[..., None].expand(-1, -1, len(places)))


def test_a_velocity_is_hidden_where_the_features_of_such_a_pose_have_none() -> None:
    """The oracle: a hand taken out of a pose, and the features computed anew."""
    pose = perform(["regen", "wind", "sonne"], 4)  # its left hand is the dominant one, or not: both are lost
    whole = pose_features(pose, 25.0, 1, confidence=True)
    frames = torch.cat([torch.from_numpy(whole), torch.ones(len(whole), 1)], 1)[None]
    view = hide(Clips(frames, torch.ones(1, len(whole), WIDTH, dtype=torch.bool)), UNSEEN,
                hidden_alone(frame_drop=0.3), generator(3))  # fmt: skip
    lost = view.hidden[0, :, 0].numpy()
    assert 0 < lost.sum() < len(lost)
    points = pose.keypoints.copy()
    joints = [j for j in range(50) if j != SIGNING_50.index("neck")]
    points[np.ix_(np.flatnonzero(lost), np.array(joints))] = np.nan
    confidence = np.where(np.isnan(points).any(2), 0, pose.confidence).astype(np.float32)
    broken = pose_features(pose.replace(points, confidence), 25.0, 1, confidence=True)
    found = view.hidden[0].numpy()
    np.testing.assert_array_equal(np.isnan(broken)[:, STILL:], found[:, STILL:])
    places = [c for c in range(STILL) if c not in DOUBTS]
    np.testing.assert_array_equal(np.isnan(broken)[:, places], found[:, places])


def test_single_joints_go_with_x_y_and_z() -> None:
    view = hide(clips(*[50] * 20), UNSEEN, hidden_alone(joint_drop=0.2), generator())
    body = view.hidden[:, :, [c for c in STREAMS["body"] if c < STILL]].unflatten(2, (-1, 3))
    assert torch.equal(body.all(3), body.any(3)) and 0.18 < body.float().mean() < 0.22
    assert len(MOVING) + STILL == WIDTH


def test_segments_in_another_order_keep_their_rows() -> None:
    batch = clips(*[40] * 30, 12)
    batch.frames[:, :, 0] = torch.arange(40)  # which row it was
    mixed, orders = shuffle(batch, 2, generator())
    assert orders[-1] == -1 and torch.equal(mixed.frames[-1], batch.frames[-1])  # too short for three segments
    assert set(orders[:-1].tolist()) == set(range(len(ORDERS)))
    for k, order in enumerate(orders[:-1].tolist()):
        rows = mixed.frames[k, mixed.frames[k, :, -1] > 0, 0].long()
        assert len(rows) == 36 and torch.equal(mixed.frames[k, :36, 1], batch.frames[k, rows, 1])  # 2 cuts, 2 rows each
        starts = [0, *((rows.diff() != 1).nonzero().flatten() + 1).tolist()]
        if ORDERS[order] == (0, 1, 2):
            assert (rows.diff() >= 1).all()
        else:
            firsts = [
                int(rows[start]) for start in starts if start == 0 or abs(int(rows[start] - rows[start - 1])) != 3
            ]
            assert len(firsts) in (2, 3) and firsts != sorted(firsts)
