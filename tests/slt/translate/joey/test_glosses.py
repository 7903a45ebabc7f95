import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.config import check_config
from skeletor.support.errors import InputError
from slt.score.scores import score
from slt.score.wer import word_error_rate
from slt.translate.config import PRESETS, TranslateConfig
from slt.translate.joey.batches import Example
from slt.translate.joey.glosses import GlossLoss, GlossModel, make_recognition, read_glosses, steps_needed
from slt.translate.joey.model import build_transformer
from slt.translate.joey.text import vocabulary
from slt.translate.joey.trainer import Trainer
from slt.translate.train import train_gloss2text, train_translator
from slt.translate.translator import Translator
from tests.slt.killed import killed_at

CPU = torch.device("cpu")
SMALL = PRESETS["ctc"].model_copy(
    update={"layers": 1, "hidden": 32, "feed_forward": 64, "heads": 2, "width": 16, "batch": 16, "warmup": 20,
            "learning_rate": 8e-3, "dropout": 0.1, "beams": [1], "alphas": [0.0]}
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(toy, tmp_path_factory):
    out = tmp_path_factory.mktemp("ctc")
    options = SMALL.model_copy(update={"max_updates": 300, "validate_every": 100})
    return train_translator(toy.examples(160, 0), toy.examples(30, 1), options, out, seed=1, device="cpu"), out


def test_a_toy_language_is_recognised_and_translated(toy, trained):
    result, out = trained
    assert result.dev.wer is not None and result.dev.wer < 25 and result.dev.bleu1 > 70
    assert result.too_short == 0 and "WER" in result.dev.lines()
    test = toy.examples(20, 2)
    found = Translator.load(out, "cpu").recognise([e.pose for e in test])
    assert word_error_rate(found, [e.glosses for e in test]) < 30


def test_a_loaded_translator_recognises_and_translates_what_was_scored(toy, trained, tmp_path):
    result, out = trained
    loaded = Translator.load(out, "cpu")
    assert loaded.recognised == tuple(sorted(w.upper() for w in toy.words)) and not loaded.glosses
    loaded.save(tmp_path, out)
    again, dev = Translator.load(tmp_path, "cpu"), toy.examples(30, 1)
    poses = [e.pose for e in dev]
    assert again.recognise(poses) == loaded.recognise(poses) and again.recognise([]) == []
    assert word_error_rate(again.recognise(poses), [e.glosses for e in dev]) == result.dev.wer
    assert score([h.text for h in again.translate(poses)], [e.text for e in dev]).bleu4 == result.dev.bleu4
    assert (tmp_path / "translator.safetensors").read_bytes() == (out / "translator.safetensors").read_bytes()


def test_a_clip_is_recognised_alike_alone_and_in_a_batch(toy, trained):
    translator = Translator.load(trained[1], "cpu")
    poses = [e.pose for e in toy.examples(12, 3)]
    assert translator.recognise(poses) == [translator.recognise([pose])[0] for pose in poses]


def test_a_killed_training_with_a_head_ends_with_the_same_bytes(toy, tmp_path_factory):
    killed, whole = tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("whole")
    train, dev = toy.examples(40, 0), toy.examples(6, 1)
    options = SMALL.model_copy(update={"max_updates": 20, "validate_every": 5})
    train_translator(train, dev, options, whole, 0, "cpu")
    killed_at(13, Trainer, lambda: train_translator(train, dev, options, killed, 0, "cpu"))
    assert (killed / "checkpoints/10.ckpt").exists() and not (killed / "translator.safetensors").exists()
    train_translator(train, dev, options, killed, 0, "cpu")
    assert (killed / "translator.safetensors").read_bytes() == (whole / "translator.safetensors").read_bytes()


def brute_force(log_probs: torch.Tensor, target: list[int]) -> float:
    """Minus the log of the summed probability of all paths (T, K) that read as `target`."""
    steps, outputs = log_probs.shape
    total = 0.0
    for path in np.ndindex(*(outputs,) * steps):
        read = [k for t, k in enumerate(path) if k and (t == 0 or path[t - 1] != k)]
        if read == target:
            total += float(torch.exp(sum(log_probs[t, k] for t, k in enumerate(path))))
    return -np.log(total)


def test_the_loss_is_the_sum_over_all_paths_and_torchs_own():
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 3)
    ids, steps = [[1, 2], [2, 2], [1]], torch.tensor([4, 3, 2])
    loss = GlossLoss(ids, 1.0, CPU)
    order = torch.tensor([2, 0, 1])
    found = loss(logits, steps[order], order)
    log_probs = logits.log_softmax(2)
    rows = [brute_force(log_probs[row, : steps[k]], ids[k]) for row, k in enumerate(order.tolist())]
    assert float(found) == pytest.approx(sum(rows), rel=1e-5)
    own = torch.nn.CTCLoss(blank=0, reduction="none")(
        log_probs.transpose(0, 1), torch.tensor([1, 1, 2, 2, 2]), tuple(steps[order].tolist()), (1, 2, 2)
    )
    assert float(found) == pytest.approx(float(own.sum()), rel=1e-5)
    assert float(GlossLoss(ids, 0.5, CPU)(logits, steps[order], order)) == pytest.approx(float(found) / 2, rel=1e-6)


def test_a_clip_too_short_for_its_glosses_adds_nothing_and_is_counted(toy, tmp_path):
    logits = torch.randn(2, 5, 3, requires_grad=True)
    loss = GlossLoss([[1, 1, 2], [2]], 1.0, CPU)
    loss(logits, torch.tensor([3, 5]), torch.tensor([0, 1])).backward()
    assert steps_needed("AAB") == 4 and steps_needed("ABA") == 3 and steps_needed("") == 0
    assert float(logits.grad[0].abs().sum()) == 0 and float(logits.grad[1].abs().sum()) > 0
    train = toy.examples(6, 0)
    short = Example("short", train[0].pose.frames(0, 5), "regen wind regen", ("A", "B", "A"))
    options = SMALL.model_copy(update={"max_updates": 2, "validate_every": 2})
    assert train_translator([*train, short], toy.examples(3, 1), options, tmp_path, 0, "cpu").too_short == 1


def test_the_joint_loss_is_the_weighted_sum_and_dev_losses_are_those_of_the_text():
    torch.manual_seed(0)
    source = torch.nn.Identity()
    source.embedding_dim = 8
    words = vocabulary(["<unk>", "<pad>", "<s>", "</s>", "a", "b"])
    model = build_transformer(source, words, 1, 8, 16, 2, 0.0, "pre", glosses=2)
    assert isinstance(model, GlossModel)
    model.loss_function = ("crossentropy", 0.0)
    trg = torch.tensor([[4, 5, 3], [4, 3, 1]])
    batch = {
        "src": torch.randn(2, 6, 8), "src_length": torch.tensor([6, 4]), "indices": torch.tensor([1, 0]),
        "src_mask": (torch.arange(6) < torch.tensor([[6], [4]])).unsqueeze(1), "trg": trg,
        "trg_input": torch.tensor([[2, 4, 5], [2, 4, 1]]), "trg_mask": (trg != 1).unsqueeze(1),
    }  # fmt: skip
    plain, _, _, right = model(return_type="loss", **batch)
    model.gloss_loss = GlossLoss([[1, 2], [2]], 2.0, CPU)
    states, _ = model._encode(batch["src"], batch["src_length"], batch["src_mask"])
    gloss = model.gloss_loss(model.gloss_head(states), batch["src_length"], batch["indices"])
    model.text_weight = 3.0
    joint, _, _, same = model(return_type="loss", **batch)
    assert float(joint.detach()) == pytest.approx(3 * float(plain.detach()) + float(gloss.detach()), rel=1e-5) and int(
        same
    ) == int(right)
    assert float(model.eval()(return_type="loss", **batch)[0]) == pytest.approx(float(plain.detach()), rel=1e-5)
    assert float(gloss.detach()) > 0


def test_runs_are_read_once_and_blanks_part_them():
    model = torch.nn.Module()
    model.gloss_head = torch.nn.Identity()
    path = torch.tensor([[1, 1, 0, 1, 2, 2, 0, 2], [2, 0, 0, 1, 1, 1, 2, 2]])
    states = torch.nn.functional.one_hot(path, 3).float()
    mask = (torch.arange(8) < torch.tensor([[8], [5]])).unsqueeze(1)
    assert read_glosses(model, states, mask, ("A", "B")) == [("A", "A", "B", "B"), ("B", "A")]  # type: ignore[arg-type]


def test_the_vocabulary_is_that_of_train_alone_and_glosses_are_needed():
    found = make_recognition([("B", "A"), ("A",)], [("C",)])
    assert found.vocabulary == ("A", "B") and found.ids() == [[2, 1], [1]] and found.dev == (("C",),)
    with pytest.raises(InputError, match="no glosses"):
        make_recognition([("A",), ()], [("A",)])


tokens = st.lists(st.sampled_from("ABC"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(tokens, tokens.filter(bool), tokens)
def test_edits_are_a_metric_and_the_rate_is_of_the_whole_corpus(a, b, c):
    from slt.score.wer import edits

    assert edits(a, b) == edits(b, a) and (edits(a, b) == 0) == (a == b)
    assert edits(a, c) <= edits(a, b) + edits(b, c)
    assert abs(len(a) - len(b)) <= edits(a, b) <= max(len(a), len(b))
    assert edits([*a, "X"], [*b, "X"]) == edits(a, b) and edits(a, [*a, "X"]) == 1
    assert word_error_rate([a, b], [b, b]) == pytest.approx(100 * edits(a, b) / (2 * len(b)))


def test_a_rate_needs_references():
    for hypotheses, references in (([["A"]], []), ([["A"]], [[]])):
        with pytest.raises(InputError, match="WER"):
            word_error_rate(hypotheses, references)
    assert word_error_rate([[]], [["A", "B"]]) == 100


def test_a_preset_gives_the_values_that_are_not_given():
    found = check_config({"preset": "ctc", "hidden": 64}, TranslateConfig, "run.yaml")
    assert found.hidden == 64 and found.streams and (found.text_weight, found.gloss_weight) == (1.0, 1.0)
    for name, preset in PRESETS.items():
        assert preset.preset == name and TranslateConfig.model_validate(preset.model_dump()) == preset
        assert TranslateConfig.model_validate({"preset": name}) == preset
    with pytest.raises(InputError, match=r"run\.yaml.*preset 'none' is none of"):
        check_config({"preset": "none"}, TranslateConfig, "run.yaml")
    with pytest.raises(InputError, match="width"):
        check_config({"streams": True, "width": 0}, TranslateConfig, "run.yaml")


def test_a_model_without_a_head_recognises_nothing_and_gloss_to_text_has_none(toy, tmp_path):
    train, dev = toy.examples(8, 0), toy.examples(3, 1)
    few = {"max_updates": 2, "validate_every": 2}
    result = train_translator(train, dev, PRESETS["tiny"].model_copy(update=few), tmp_path / "a", 0, "cpu")
    assert result.dev.wer is None and "WER" not in result.dev.lines()
    with pytest.raises(InputError, match="preset: ctc"):
        Translator.load(tmp_path / "a", "cpu").recognise([dev[0].pose])
    pairs = [[(e.glosses, e.text) for e in part] for part in (train, dev)]
    assert train_gloss2text(*pairs, SMALL.model_copy(update=few), tmp_path / "b", 0, "cpu").dev.wer is None
