import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from joeynmt.loss import XentLoss

from slt.translate.joey.loss import SmoothedLoss

PAD = 1


def batch(seed: int, rows: int, length: int, words: int):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, length, words, generator=generator, dtype=torch.float64).requires_grad_()
    trg = torch.randint(0, words, (rows, length), generator=generator)  # some of them padding
    return logits, trg


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000), rows=st.integers(1, 4), length=st.integers(1, 5), words=st.integers(4, 9),
    smoothing=st.sampled_from([0.0, 0.1, 0.4]),
)  # fmt: skip
def test_it_is_joeynmt_s_loss_and_so_is_its_gradient(seed, rows, length, words, smoothing):
    found = []
    for loss in (SmoothedLoss(PAD, smoothing), XentLoss(PAD, smoothing)):
        logits, trg = batch(seed, rows, length, words)
        value = loss(torch.log_softmax(logits, -1), trg=trg)
        (value * 3).backward()
        found.append((value.detach(), logits.grad))
    torch.testing.assert_close(found[0][0], found[1][0], atol=1e-5, rtol=1e-6)  # JoeyNMT's targets are float32
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-6, rtol=1e-5)


def test_r_drop_adds_the_symmetric_divergence_of_the_halves_in_training_only():
    logits, trg = batch(0, 2, 3, 6)
    twice = torch.cat([trg, trg])
    log_probs = torch.log_softmax(torch.cat([logits, logits.flip(0)]), -1)
    plain, with_distance = SmoothedLoss(PAD, 0.1), SmoothedLoss(PAD, 0.1, r_drop=2.0)
    p, q = log_probs.chunk(2)
    both = (p.exp() * (p - q) + q.exp() * (q - p)).sum(2)
    expected = plain(log_probs, trg=twice) + 2.0 / 2 * both[trg != PAD].sum()
    torch.testing.assert_close(with_distance(log_probs, trg=twice), expected)
    assert torch.equal(with_distance.eval()(log_probs, trg=twice), plain(log_probs, trg=twice))
    same = torch.log_softmax(torch.cat([logits, logits]), -1)
    assert torch.allclose(with_distance.train()(same, trg=twice), plain(same, trg=twice))
