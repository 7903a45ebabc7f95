import numpy as np
import pytest

from slt.sign2text.batches import FrameDataset
from slt.translate.joey.text import fit_text

TEXTS = ["ein haus steht im wald", "ein baum", "wald"]


@pytest.fixture
def made(tmp_path):
    """dataset(split, **options): three clips whose frame t is t throughout."""
    text = fit_text(TEXTS, tmp_path, "word")
    clips = [np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8) for n in (9, 7, 1)]

    def dataset(split: str, **options) -> FrameDataset:
        sizes = {"stride": 3, "max_frames": 100, "max_words": 100, **options}
        return FrameDataset(clips, ["a", "b", "c"], TEXTS, text, split, **sizes)

    return dataset


def numbers(item) -> list[int]:
    return item[1][:, 0, 0, 0].tolist()


def test_dev_uses_every_so_many_frames_and_all_words(made):
    data = made("dev", max_frames=1, max_words=1, word_dropout=0.9)
    assert [numbers(data[k]) for k in range(3)] == [[0, 3, 6], [0, 3, 6], [0]]
    assert data[0][2] == TEXTS[0].split()
    batch = data.collate_fn([data[0], data[2]], pad_index=1, eos_index=3)
    assert batch.src.shape == (2, 3, 4, 4, 3) and batch.src_mask[:, 0].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert (batch.trg_input[:, 1:] == batch.trg[:, :-1]).logical_or(batch.trg[:, :-1] == 3).all()


def test_training_begins_anywhere_and_is_cut(made):
    data = made("train", max_frames=2, max_words=2)
    begins = set()
    for seed in range(20):
        data.seed = seed
        found = numbers(data[0])
        assert len(found) == 2 and found[1] == found[0] + 3
        assert numbers(data[0]) == found  # the same epoch, the same frames
        begins.add(found[0])
        assert numbers(data[2]) == [0] and len(data[0][2]) == 2
    assert begins == {0, 1, 2}


def test_hidden_words_are_hidden_from_the_decoders_input_alone(made):
    data, plain = made("train", word_dropout=0.5), made("train")
    shares = []
    for seed in range(30):
        data.seed = plain.seed = seed
        batch, whole = (d.collate_fn([d[0], d[1]], pad_index=1, eos_index=3) for d in (data, plain))
        assert batch.trg.equal(whole.trg)
        changed = batch.trg_input != whole.trg_input
        assert (batch.trg_input[changed] == 0).all() and not changed[:, 0].any()  # <unk>; never the begin symbol
        assert (batch.trg_input[whole.trg_input == 1] == 1).all()
        shares.append(float(changed.sum()) / float((whole.trg_input > 2).sum()))
    assert 0.35 < float(np.mean(shares)) < 0.65
