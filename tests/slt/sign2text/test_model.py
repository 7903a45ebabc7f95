import numpy as np
import pytest
import torch

from slt.sign2text.config import Sign2TextConfig
from slt.sign2text.model import ResidualGru, reverse_rows
from slt.sign2text.translator import encode_frames, new_model
from slt.translate.joey.decoding.decode import Decoding, Encoded, decode
from slt.translate.joey.text import fit_text

SMALL = dict(height=20, width=16, channels=[4, 8], feature_size=8, hidden=16, embedding=8)
VARIANTS = [
    dict(layers=1, bidirectional=True),
    dict(layers=3, bidirectional=False, reverse=True, attention="bahdanau", mean="corpus"),
    dict(layers=2, bidirectional=True, reverse=True, bf16=True),
]


def config(**values) -> Sign2TextConfig:
    return Sign2TextConfig.model_validate({"preset": "small", **SMALL, **values})


@pytest.fixture
def text(tmp_path):
    return fit_text(["ein haus steht", "ein baum"], tmp_path, "word")


def clips(lengths, seed=0):
    """Frames (B, T, H, W, 3), lengths (B,), mask (B, 1, T); what is behind a clip's end is not zero but noise."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (len(lengths), max(lengths), 20, 16, 3), generator=generator, dtype=torch.uint8)
    lengths = torch.tensor(lengths)
    return frames, lengths, (torch.arange(frames.shape[1])[None] < lengths[:, None]).unsqueeze(1)


@pytest.mark.parametrize("values", VARIANTS)
def test_a_clip_is_the_same_alone_and_in_a_batch(text, values):
    torch.manual_seed(1)
    c = config(**values)
    model = new_model(c, text, torch.rand(20, 16, 3) * 255).eval()
    frames, lengths, mask = clips([3, 7, 1, 5])
    with torch.no_grad():
        states, last = model.encoder(frames, lengths, mask)
        assert states.shape == (4, 7, 16) and last.shape == (4, c.layers, 16)
        for k, n in enumerate(lengths.tolist()):
            alone, final = model.encoder(frames[k : k + 1, :n], lengths[k : k + 1], mask[k : k + 1, :, :n])
            assert torch.allclose(states[k, :n], alone[0], atol=1e-5)
            assert torch.allclose(last[k], final[0], atol=1e-5)
    together = decode(model, [Encoded(states, mask, (0, 1, 2, 3), last)], text, Decoding(3, 1.0, 5))
    one = decode(model, [Encoded(states[2:3, :1], mask[2:3, :, :1], (0,), last[2:3])], text, Decoding(3, 1.0, 5))
    assert together[2].tokens == one[0].tokens
    assert together[2].token_log_probs == pytest.approx(one[0].token_log_probs, abs=1e-4)


def test_in_training_too_nothing_behind_a_clips_end_counts(text):
    torch.manual_seed(1)
    model = new_model(config(dropout=0.0, cnn_dropout=0.0), text, torch.zeros(20, 16, 3)).train()
    frames, lengths, mask = clips([3, 6])
    other = frames.clone()
    other[0, 3:] = 7
    first, second = (model.encoder(f, lengths, mask)[0] for f in (frames, other))
    assert torch.equal(first[mask[:, 0]], second[mask[:, 0]])


def test_the_mean_picture_is_taken_off(text):
    torch.manual_seed(1)
    mean = torch.randint(0, 256, (20, 16, 3)).float()
    model = new_model(config(mean="corpus"), text, mean).eval()
    seen = inputs_of(model)
    frames = torch.stack([mean.byte(), (255 - mean).byte()])[None]
    model.encoder(frames, torch.tensor([2]), torch.ones(1, 1, 2, dtype=torch.bool))
    assert float(seen[0][0].abs().max()) == 0
    expected = (255 - 2 * mean).permute(2, 0, 1) * model.encoder.cnn.scale
    assert torch.allclose(seen[0][1], expected)


def inputs_of(model):
    """What the CNN is given from now on."""
    seen = []
    model.encoder.cnn.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    return seen


def test_or_the_mean_of_each_clip_without_its_padding(text):
    model = new_model(config(mean="clip"), text, torch.zeros(20, 16, 3)).eval()
    seen = inputs_of(model)
    frames, lengths, mask = clips([2, 5])
    model.encoder(frames, lengths, mask)
    given = seen[0] / model.encoder.cnn.scale  # (7, 3, H, W)
    for part, clip in ((given[:2], frames[0, :2]), (given[2:], frames[1])):
        expected = clip.float() - clip.float().mean(0)
        assert torch.allclose(part, expected.permute(0, 3, 1, 2), atol=1e-3)


@pytest.mark.parametrize("values", VARIANTS)
def test_every_weight_gets_a_gradient(text, values):
    model = new_model(config(**values), text, torch.zeros(20, 16, 3)).train()
    model.loss_function = ("crossentropy", 0.1)
    frames, lengths, mask = clips([4, 6])
    trg = torch.tensor([[2, 4, 5, 3], [2, 6, 3, 1]])
    loss, *_ = model(
        return_type="loss", src=frames, src_length=lengths, src_mask=mask, trg_input=trg[:, :-1], trg=trg[:, 1:],
        trg_mask=(trg[:, 1:] != 1).unsqueeze(1),
    )  # fmt: skip
    loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_reversal_keeps_padding_behind():
    x = torch.arange(8.0).reshape(2, 4, 1)
    assert reverse_rows(x, torch.tensor([3, 4]))[..., 0].tolist() == [[2, 1, 0, 3], [7, 6, 5, 4]]


def test_layers_from_the_second_on_add_their_input():
    torch.manual_seed(0)
    gru = ResidualGru(5, 6, 3, 0.0)
    x = torch.randn(2, 4, 5)
    first, _ = gru.layers[0](x)
    second = first + gru.layers[1](first)[0]
    expected = second + gru.layers[2](second)[0]
    states, last = gru(x)
    assert torch.allclose(states, expected, atol=1e-6) and last.shape == (3, 2, 6)
    begin, middle = gru(x[:, :2])
    end, final = gru(x[:, 2:], middle)  # in two halves, as the decoder goes step by step
    assert torch.allclose(torch.cat([begin, end], 1), states, atol=1e-6) and torch.allclose(final, last, atol=1e-6)
    with pytest.raises(AssertionError):
        gru(torch.zeros(2, 4, 6))


def test_shapes_are_checked_at_the_entry(text):
    model = new_model(config(), text, torch.zeros(20, 16, 3))
    frames, lengths, mask = clips([3, 2])
    for bad in (frames[:, :, :-1], frames[..., 0], frames[0]):
        with pytest.raises(AssertionError):
            model.encoder(bad, lengths, mask)
    with pytest.raises(AssertionError):
        model.encoder(frames, lengths, mask[:, :, :-1])


def test_the_published_size(text):
    """4 layers of 1000 units on fc7 and on words with input feeding, counted by hand; the words are few here."""
    with torch.device("meta"):
        model = new_model(Sign2TextConfig.model_validate({"preset": "nslt"}), text, torch.zeros(227, 227, 3))

    def gru(inputs: int) -> int:
        return 3 * (inputs * 1000 + 1000 * 1000 + 2 * 1000)

    encoder = 56_868_224 + gru(4096) + 3 * gru(1000)
    decoder = gru(2000) + 3 * gru(1000) + 1000 * 1000 + (2000 * 1000 + 1000) + 2 * len(text.words) * 1000
    assert sum(p.numel() for p in model.parameters()) == encoder + decoder


@pytest.mark.slow
def test_the_published_size_learns_a_step_and_translates(text):
    torch.manual_seed(0)
    model = new_model(
        Sign2TextConfig.model_validate({"preset": "nslt", "attention": "bahdanau"}),
        text,
        torch.full((227, 227, 3), 120.0),
    )
    model.loss_function = ("crossentropy", 0.0)
    frames = np.random.default_rng(0).integers(0, 256, (5, 227, 227, 3)).astype(np.uint8)
    trg = torch.tensor([[2, 4, 5, 3]])
    loss, *_ = model.train()(
        return_type="loss", src=torch.from_numpy(frames)[None], src_length=torch.tensor([5]),
        src_mask=torch.ones(1, 1, 5, dtype=torch.bool), trg_input=trg[:, :-1], trg=trg[:, 1:],
        trg_mask=torch.ones(1, 1, 3, dtype=torch.bool),
    )  # fmt: skip
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
    batches = list(encode_frames(model.eval(), [frames, frames[:2]], 1, torch.device("cpu")))
    assert len(decode(model, batches, text, Decoding(3, 0.0, 4))) == 2
