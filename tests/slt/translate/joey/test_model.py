from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from slt.translate.config import PRESETS, TranslateConfig
from slt.translate.joey.batches import SequenceBatch, SequenceDataset, pad
from slt.translate.joey.decoding.decode import Decoding, _hypothesis, decode, encode, tune
from slt.translate.joey.model import FrameEmbedding, PooledDropout, build_transformer, token_count
from slt.translate.joey.text import fit_text, load_text

CPU = torch.device("cpu")
TEXTS = ["am montag regen", "sonne", "wind und regen am morgen", "schnee am montag"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return fit_text(TEXTS, tmp_path_factory.mktemp("text"), "word")


@pytest.fixture(scope="module", params=[0, 8], ids=["one layer", "two layers"])
def model(text, request):
    torch.manual_seed(0)
    source = FrameEmbedding(6, 16, window=5, subsample=2, width=request.param)
    made = build_transformer(source, text.words, hidden=16, feed_forward=32, heads=2, dropout=0.3).eval()
    assert not any(isinstance(module, nn.Dropout) for module in made.modules())
    return made


def clips(*lengths: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    made = [rng.normal(size=(n, 6)).astype(np.float32) for n in lengths]
    for clip in made:
        clip[:, -1] = 1  # a real frame
    return made


@pytest.mark.parametrize("window, stride", [(1, 1), (5, 2), (3, 3), (2, 4), (7, 1)])
@pytest.mark.parametrize("frames", [1, 2, 5, 8])
def test_the_frame_embedding_is_a_convolution_over_time(window, stride, frames):
    torch.manual_seed(0)
    embedding = FrameEmbedding(6, 16, window, stride)
    x = torch.randn(2, frames, 6)
    layer = embedding.first
    wide = nn.functional.pad(x, (0, 0, (window - 1) // 2, 50)).transpose(1, 2)
    weight = layer.project.weight.view(16, 6, window)
    expected = nn.functional.conv1d(wide, weight, layer.project.bias, stride=stride).transpose(1, 2)
    expected = torch.relu(layer.norm(expected[:, : token_count(frames, stride)]))
    torch.testing.assert_close(embedding(x), expected, atol=1e-5, rtol=1e-4)


def test_pooled_dropout_drops_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    dropout = PooledDropout(0.25)
    x = torch.ones(100, 1000)
    first, second = dropout(x), dropout(x)
    for y in (first, second):
        assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
        assert float(y.mean()) == pytest.approx(1, abs=0.01)
    assert not torch.equal(first, second)
    assert torch.equal(dropout.eval()(x), x)


def test_a_clip_is_encoded_and_translated_alike_alone_and_in_a_batch(model, text):
    sources = clips(3, 17, 40)
    together = list(encode(model, sources, 2, CPU))
    assert len(together) == 1 and together[0].positions == (2, 1, 0)
    for position, source in enumerate(sources):
        [alone] = encode(model, [source], 2, CPU)
        row = together[0].positions.index(position)
        tokens = token_count(len(source), 2)
        assert int(together[0].mask[row].sum()) == tokens
        torch.testing.assert_close(together[0].states[row, :tokens], alone.states[0], atol=1e-5, rtol=1e-4)
        for beam in (1, 3):
            options = Decoding(beam, 1.0, 8)
            assert (
                decode(model, together, text, options)[position].tokens
                == decode(model, [alone], text, options)[0].tokens
            )


def test_frames_that_are_exactly_0_are_no_padding(model):
    source = clips(10)[0]
    source[4:8] = 0
    batch = SequenceBatch(pad([source], 1), torch.tensor([5]), None, torch.tensor([0]), CPU, 1, 3, False)
    assert batch.src_mask.shape == (1, 1, 5) and batch.src_mask.all()


def test_token_log_probabilities_are_those_of_the_network(model, text):
    [batch] = encode(model, clips(12), 2, CPU)
    [found] = decode(model, [batch], text, Decoding(1, 0.0, 6))
    ids = [model.bos_index]
    for log_prob in found.token_log_probs:
        inputs = torch.tensor([ids])
        with torch.no_grad():
            logits, *_ = model(
                return_type="decode", trg_input=inputs, encoder_output=batch.states, encoder_hidden=None,
                src_mask=batch.mask, unroll_steps=None, decoder_hidden=None,
                trg_mask=torch.ones(1, 1, len(ids), dtype=torch.bool),
            )  # fmt: skip
        step = torch.log_softmax(logits[0, -1], -1)
        step[[model.bos_index]] = -torch.inf
        assert float(step.max()) == pytest.approx(log_prob, abs=1e-5)
        ids.append(int(step.argmax()))
    assert 0 < found.confidence <= 1 and found.log_prob == pytest.approx(np.log(found.confidence))
    assert found.score == pytest.approx(sum(found.token_log_probs))


def test_tuning_takes_the_best_of_all_that_it_tried(model, text):
    batches = list(encode(model, clips(9, 12, 30, 18), 2, CPU))
    best, tried = tune(model, batches, text, TEXTS, [2, 1], [0.0, 1.0], 6)
    assert [row[:2] for row in tried] == [(1, 0.0), (2, 0.0), (2, 1.0)]
    assert best.max_words == 6 and max(row[2] for row in tried) == next(
        row[2] for row in tried if row[:2] == (best.beam, best.alpha)
    )


def test_batches_hold_every_clip_once_with_like_lengths(text):
    lengths = np.random.default_rng(0).integers(5, 100, 300)
    data = SequenceDataset(
        clips(*lengths), [str(k) for k in range(300)], ["regen"] * 300, text.words, text.tokenizer, "train", 2
    )
    loader = data.make_iter(8, shuffle=True, seed=3)
    batches = list(loader.batch_sampler)
    assert sorted(k for batch in batches for k in batch) == list(range(300))
    spread = np.mean([np.ptp(lengths[batch]) for batch in batches])
    assert spread < 10 < np.ptp(lengths)
    loader.batch_sampler.set_seed(3)
    assert list(loader.batch_sampler) == batches
    loader.batch_sampler.set_seed(4)
    assert list(loader.batch_sampler) != batches
    first = next(iter(data.make_iter(8, shuffle=True)))
    assert first.src.dim() == 3 and first.trg is not None and first.src_mask.shape[2] == -(-first.src.shape[1] // 2)


def test_dev_is_read_in_order(text):
    data = SequenceDataset(clips(9, 5, 7), ["a", "b", "c"], TEXTS[:3], text.words, text.tokenizer, "dev")
    assert [b.indices.tolist() for b in data.make_iter(2, shuffle=True)] == [[0, 1], [2]]
    assert data.src == ["a", "b", "c"] and data.trg == TEXTS[:3]


def test_glosses_are_padded_with_the_padding_symbol():
    padded = pad([np.array([5, 6, 3]), np.array([7, 3])], 1)
    assert padded.tolist() == [[5, 6, 3], [7, 3, 1]]


@pytest.mark.parametrize("level", ["word", "spm"])
def test_text_survives_tokenising_saving_and_loading(tmp_path, level):
    sentences = TEXTS + ["über süden föhn", "größe"]
    fitted = fit_text(sentences, tmp_path, level, spm_size=60)
    loaded = load_text(tmp_path, level)
    assert loaded.words == fitted.words and loaded.words.specials[:4] == ["<unk>", "<pad>", "<s>", "</s>"]
    for sentence in sentences:
        tokens = loaded.tokenizer(sentence, is_train=False)
        assert not any(loaded.words.is_unk(token) for token in tokens)
        assert loaded.tokenizer.post_process(tokens) == sentence
    assert loaded.words.is_unk("gibt-es-nicht")


@pytest.mark.parametrize("level", ["word", "spm", "char"])
def test_a_sentence_of_spaces_or_of_nothing_is_empty(tmp_path, level):
    """As a model that has hardly learned writes it."""
    text = fit_text(TEXTS, tmp_path, level, spm_size=60)
    itos = text.words._itos
    model = SimpleNamespace(eos_index=3, pad_index=1)
    spaces = [itos.index("▁")] if "▁" in itos else []
    for ids in ([], [3], [1, 3], spaces + [3], [2, *spaces, *spaces]):
        found = _hypothesis(ids, [-1.0] * len(ids), model, text)
        assert found.text in ("", "<unk>") and (found.text == "" or 2 in ids)
    letter = next(k for k in range(4, len(itos)) if itos[k].strip("▁"))
    assert _hypothesis([*spaces, letter, 3], [-1.0] * 3, model, text).text


def test_presets_are_sound_and_nonsense_is_refused():
    paper = PRESETS["paper"]
    assert (paper.layers, paper.hidden, paper.feed_forward, paper.batch) == (2, 64, 256, 32)
    assert (paper.learning_rate, paper.dropout, paper.weight_decay) == (1e-3, 0.1, 1e-3)
    for wrong in ({"hidden": 64, "heads": 5}, {"beams": [0]}, {"dropout": 1.0}, {"level": "letters"}, {"beams": []}):
        with pytest.raises(ValueError):
            TranslateConfig.model_validate(wrong)
