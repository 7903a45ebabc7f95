import numpy as np
import pytest
import torch

from skeletor.poses.skeleton import SIGNING_50
from slt.translate import features
from slt.translate.joey.body_streams import MaskedBatchNorm, StreamEmbedding
from slt.translate.joey.model import token_count

COLUMNS = [(0, 1, 2), (3, 4), (5, 6)]


def embedding(subsample: int = 2) -> StreamEmbedding:
    torch.manual_seed(0)
    return StreamEmbedding(COLUMNS, 8, 12, 5, subsample, 6)


def clips(*lengths: int) -> torch.Tensor:
    """(B, longest, 8) random frames, zeros behind each clip's end."""
    made = torch.zeros(len(lengths), max(lengths), 8)
    for row, length in zip(made, lengths, strict=True):
        row[:length] = torch.randn(length, 8)
        row[:length, -1] = 1
    return made


@pytest.mark.parametrize("subsample", [1, 2, 3, 4, 6, 8])
def test_a_clip_is_embedded_alike_with_any_padding_and_statistics_do_not_see_it(subsample):
    frames = clips(21, 13)
    padded = torch.cat([frames, torch.zeros(2, 30, 8)], 1)
    one, other = embedding(subsample), embedding(subsample)
    for network in (one, other):
        assert network.embedding_dim == 12
    for mode in (True, False):  # in training the statistics of both have to move alike
        a, b = one.train(mode)(frames), other.train(mode)(padded)
        for row, length in enumerate((21, 13)):
            tokens = token_count(length, subsample)
            torch.testing.assert_close(a[row, :tokens], b[row, :tokens], atol=1e-5, rtol=1e-4)
        assert a.shape == (2, token_count(21, subsample), 12)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], atol=1e-5, rtol=1e-4)


def test_a_stream_sees_its_columns_alone():
    network, frames = embedding().eval(), clips(16)
    before = network.parts(frames)
    for number, columns in enumerate(COLUMNS):
        changed = frames.clone()
        changed[:, :, list(columns)] += 1
        for k, (a, b) in enumerate(zip(before, network.parts(changed), strict=True)):
            assert torch.equal(a, b) == (k != number)


def test_the_columns_of_a_stream_are_those_of_its_joints(toy):
    assert sorted(c for columns in features.STREAMS.values() for c in columns) == list(range(features.WIDTH))
    pose = toy.examples(1, 0)[0].pose
    before = features.pose_features(pose)
    groups = {name: [j for j in SIGNING_50.group(name) if j != SIGNING_50.index("neck")] for name in features.STREAMS}
    mirrored = features.left_dominant(pose.keypoints)
    other = {"right_hand": "left_hand", "left_hand": "right_hand", "body": "body"}
    for name, joints in groups.items():
        # a wrist decides which hand is the dominant one, and a hand's joints are measured from its root
        joints = [SIGNING_50.index("nose")] if name == "body" else joints[1:]
        points = pose.keypoints.copy()
        points[:, joints] += np.random.default_rng(0).normal(0, 0.05, (len(pose), len(joints), 3)).astype(np.float32)
        changed = features.pose_features(pose.replace(points)) != before
        seen = set(np.flatnonzero(changed.any(0)).tolist())
        stream = features.STREAMS[other[name] if mirrored else name]
        assert seen and seen <= set(stream)


def test_masked_normalisation_is_torchs_on_the_real_rows():
    torch.manual_seed(0)
    x, real = torch.randn(3, 7, 4) * 5 + 2, torch.arange(7) < torch.tensor([[7], [3], [1]])
    ours, theirs = MaskedBatchNorm(4), torch.nn.BatchNorm1d(4)
    for training in (True, False):
        found = ours.train(training)(x, real)
        torch.testing.assert_close(found[real], theirs.train(training)(x[real]))
        assert float(found[~real].abs().sum()) == 0
    torch.testing.assert_close(ours.variance, theirs.running_var)
    one = real & (torch.arange(7) == 0) & (torch.arange(3)[:, None] == 0)
    assert torch.isfinite(ours.train()(x, one)).all()  # a single frame has no variance of its own
