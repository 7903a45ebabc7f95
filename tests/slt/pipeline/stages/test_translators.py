"""The translators of a table: one a row and seed, each in its own stage folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch

from skeletor.io.store import open_store, write_store
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.data.layout import Clip, Corpus, Description, write_annotation
from slt.pipeline import context
from slt.pipeline.cache.stage import Done
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Row, Run
from slt.pipeline.report import make_table
from slt.pipeline.stages import cascades
from slt.pipeline.stages.translators import TrainedTranslator
from slt.recognise.config import PRESETS as RECOGNISERS
from slt.recognise.ensemble.files import MOST
from slt.recognise.load import load_reader
from slt.recognise.network import Encoder
from slt.recognise.pretraining.encoder import WEIGHTS, PretrainedEncoder
from slt.translate.config import PRESETS
from slt.translate.features import WIDTH, FeatureStats
from slt.translate.translator import Translator

WORDS = ("regen", "sonne", "wind")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Corpus, list[Row]]:
    monkeypatch.setattr(context, "worker_pool", lambda workers: context.Here())
    rng = np.random.default_rng(0)
    places = {word: rng.normal(0, 1, (50, 3)) for word in WORDS}
    clips = []
    for split, number in (("train", 12), ("dev", 3), ("test", 3)):
        poses = []
        for k in range(number):
            word = WORDS[k % 3]
            points = places[word] + rng.normal(0, 0.05, (12, 50, 3))
            pose = PoseSequence(points, np.ones((12, 50)), 25.0, SIGNING_50, Provenance("x", units="shoulder"))
            poses.append((f"{split}-{k}", pose))
            clips.append(Clip(f"{split}-{k}", split, None, "s", (word.upper(),), f"{word} ."))
        write_store(tmp_path / "raw" / split, poses)
    store = tmp_path / "raw"
    row = Row("raw", "raw", Done("lift", store, "key", 0.0), store)
    return Corpus(tmp_path, Description(), tuple(clips)), [row]


def config(**values) -> RunConfig:
    translate = PRESETS["tiny"].model_copy(update={"max_updates": 4, "validate_every": 4, "beams": [1]})
    return RunConfig(seed=3, translate=translate, **values)


def digest(folder: Path) -> bytes:
    return (folder / "model" / "translator.safetensors").read_bytes()


def test_more_seeds_leave_the_first_one_as_it_was(rows, tmp_path: Path) -> None:
    corpus, systems = rows
    one = cascades.train_rows(Run(config(), tmp_path, corpus, ""), systems)
    assert set(one) == {"raw", "gloss2text"} and one["raw"][0].done.folder == tmp_path / "systems" / "raw"
    before, time = digest(tmp_path / "systems/raw"), (tmp_path / "systems/raw/done.json").stat().st_mtime_ns
    two = cascades.train_rows(Run(config(seeds=2), tmp_path, corpus, ""), systems)
    assert [s.seed for s in two["raw"]] == [3, 4] and [s.seed for s in two["gloss2text"]] == [3, 4]
    assert sorted(p.name for p in (tmp_path / "systems").iterdir()) == [
        "gloss2text", "gloss2text-s4", "raw", "raw-s4",
    ]  # fmt: skip
    assert digest(tmp_path / "systems/raw") == before != digest(tmp_path / "systems/raw-s4")
    assert (tmp_path / "systems/raw/done.json").stat().st_mtime_ns == time  # kept, not trained again
    assert one["raw"][0].outputs == two["raw"][0].outputs
    assert set(two["raw"][1].outputs["test"]) == {"test-0", "test-1", "test-2"}
    assert json.loads((tmp_path / "systems/raw-s4/done.json").read_text())["config"]["seed"] == 4


def test_what_is_kept_needs_no_process(rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, systems = rows
    done = cascades.train_rows(Run(config(), tmp_path / "run", corpus, ""), systems)
    monkeypatch.setattr(context, "worker_pool", lambda workers: Nobody())
    assert cascades.train_rows(Run(config(), tmp_path / "run", corpus, ""), systems) == done
    other = Run(config(gloss2text=False), tmp_path / "other", corpus, "", (tmp_path / "run",))
    assert cascades.train_rows(other, systems) == {"raw": done["raw"]}
    with pytest.raises(AssertionError, match="a process"):
        cascades.train_rows(Run(config(seeds=2), tmp_path / "run", corpus, ""), systems)


class Nobody(context.Here):
    """A pool that has nobody to do the work."""

    def submit(self, fn: object, /, *args: object, **kwargs: object) -> NoReturn:
        raise AssertionError("a process is asked for")


def test_a_recogniser_for_each_row_and_gloss2text_behind_it(rows, tmp_path: Path) -> None:
    corpus, systems = rows
    write_annotation(tmp_path, "train", corpus.split("train"))  # where alignments would lie
    (tmp_path / "features").mkdir()
    run = Run(config(recogniser=RECOGNISERS["tiny"].model_copy(update={"epochs": 40.0})), tmp_path, corpus, "")
    found = cascades.train_rows(run, systems)
    assert set(found) == {"raw", "gloss2text", "raw-cascade"}
    (system,) = found["raw-cascade"]
    names = {f"test-{k}" for k in range(3)}
    assert set(system.outputs["test"]) == set(system.glosses["test"]) == names
    assert [system.glosses["test"][f"test-{k}"] for k in range(3)] == [["REGEN"], ["SONNE"], ["WIND"]]
    model = Translator.load(tmp_path / "systems" / "gloss2text" / "model", "cpu")
    texts = [h.text for h in model.translate_glosses([["REGEN"], ["SONNE"], ["WIND"]])]
    assert [system.outputs["test"][f"test-{k}"] for k in range(3)] == texts
    whole = load_reader(system.done.folder / "model", "cpu")
    poses = open_store(tmp_path / "raw" / "test")
    assert [h.text for h in whole.translate([poses[f"test-{k}"] for k in range(3)])] == texts
    time = (tmp_path / "systems/raw-recogniser/recogniser.safetensors").stat().st_mtime_ns
    assert cascades.train_rows(run, systems) == found
    assert (tmp_path / "systems/raw-recogniser/recogniser.safetensors").stat().st_mtime_ns == time


def test_an_encoder_counts_by_its_bytes_wherever_it_lies(tmp_path: Path) -> None:
    recipe = RECOGNISERS["tiny"]
    plain, nothing = cascades.recogniser_values(recipe)
    assert nothing == [] and plain == recipe.model_dump()
    keys = []
    for name, value in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        stats = FeatureStats(np.zeros(WIDTH, np.float32), np.full(WIDTH, value, np.float32))
        torch.manual_seed(0)
        PretrainedEncoder(recipe, stats, Encoder(recipe).state_dict()).save(tmp_path / name)
        given = recipe.model_copy(update={"pretrained": str(tmp_path / name / WEIGHTS)})
        keys.append(cascades.recogniser_values(given))
    assert keys[0] == keys[1] != keys[2] and keys[0][0] == keys[2][0]
    with pytest.raises(InputError, match="is of layers 1, the recogniser of 2"):
        cascades.recogniser_values(given.model_copy(update={"layers": 2}))


def test_the_glosses_of_a_gloss_head_are_translated_too(rows, tmp_path: Path) -> None:
    corpus, systems = rows
    plain = config()
    with_head = plain.model_copy(update={"translate": plain.translate.model_copy(update={"gloss_weight": 1.0})})
    found = cascades.train_rows(Run(with_head, tmp_path, corpus, ""), systems)
    assert set(found) == {"raw", "gloss2text", "raw-cascade"}
    assert found["raw"][0].glosses and not found["raw-cascade"][0].glosses  # its rate stands once
    assert set(found["raw-cascade"][0].outputs["dev"]) == {f"dev-{k}" for k in range(3)}
    without = with_head.model_copy(update={"gloss2text": False})
    assert set(cascades.train_rows(Run(without, tmp_path, corpus, ""), systems)) == {"raw"}


def test_the_better_one_of_translator_and_cascade_is_the_rows_system(rows, tmp_path: Path) -> None:
    corpus, _ = rows
    longer = tuple(replace(c, text=f"im norden und im osten viel {c.text}") for c in corpus.clips)
    corpus = replace(corpus, clips=longer)
    right = {s: {c.name: c.text for c in corpus.split(s)} for s in ("dev", "test")}
    wrong = {s: dict.fromkeys(right[s], "wind .") for s in right}
    made = {name: Done(name, tmp_path / name, name, 0.0) for name in ("raw", "raw-cascade", "raw-cascade2")}
    (tmp_path / "raw" / "model").mkdir(parents=True)
    (tmp_path / "raw-cascade" / "model").mkdir(parents=True)
    run, row = Run(config(), tmp_path, corpus, ""), Row("raw", "raw", made["raw"], tmp_path)
    for joint, cascade, whole, best in (
        (wrong, right, "raw-cascade", "raw-cascade"), (right, wrong, "raw-cascade", "raw"),
        (wrong, right, "raw-cascade2", "raw"),
    ):  # fmt: skip
        systems = {
            "raw": (TrainedTranslator(made["raw"], 3, joint),),
            "raw-cascade": (TrainedTranslator(made[whole], 3, cascade),),
        }
        assert cascades.best_system("raw", make_table(run, [row], systems), systems) == (best, 0)


def test_a_recogniser_needs_gloss2text() -> None:
    with pytest.raises(ValueError, match="gloss2text: true"):
        config(recogniser=RECOGNISERS["tiny"], gloss2text=False)


def test_without_joint_translators_a_row_has_its_cascade_alone(rows, tmp_path: Path) -> None:
    corpus, systems = rows
    write_annotation(tmp_path, "train", corpus.split("train"))
    few = RECOGNISERS["tiny"].model_copy(update={"epochs": 2.0})
    run = Run(config(recogniser=few, joint=False), tmp_path, corpus, "")
    found = cascades.train_rows(run, systems)
    assert set(found) == {"gloss2text", "raw-cascade"}
    table = make_table(run, systems, found)
    assert [row.name for row in table.rows] == ["constant", "raw-cascade", "gloss2text"]
    assert cascades.best_system("raw", table, found) == ("raw-cascade", 0)
    with pytest.raises(ValueError, match="joint: false leaves no system"):
        config(joint=False)


def test_all_seeds_read_together(rows, tmp_path: Path) -> None:
    corpus, systems = rows
    write_annotation(tmp_path, "train", corpus.split("train"))
    few = RECOGNISERS["tiny"].model_copy(update={"epochs": 2.0})
    run = Run(config(recogniser=few, joint=False, seeds=2, ensemble=True), tmp_path, corpus, "")
    found = cascades.train_rows(run, systems)
    assert set(found) == {"gloss2text", "raw-cascade", "raw-ensemble"} and len(found["raw-cascade"]) == 2
    (system,) = found["raw-ensemble"]
    whole = load_reader(system.done.folder / "model", "cpu")
    assert len(whole.recogniser.members) == len(whole.translator.members) == 2
    poses = open_store(tmp_path / "raw" / "test")
    names = sorted(system.outputs["test"])
    assert names == [f"test-{k}" for k in range(3)]
    assert [h.text for h in whole.translate([poses[n] for n in names])] == [system.outputs["test"][n] for n in names]
    assert [list(g) for g in whole.recognise([poses[n] for n in names])] == [system.glosses["test"][n] for n in names]
    table = make_table(run, systems, found)
    assert [row.name for row in table.rows] == ["constant", "raw-cascade", "raw-ensemble", "gloss2text"]
    assert table.rows[2].p is None and table.rows[2].test.wer is not None
    assert "by all seeds together" in table.rows[2].label


def test_who_cannot_read_together_is_told_before_anything_is_trained() -> None:
    few = RECOGNISERS["tiny"]
    for values in ({"seeds": 2, "joint": True}, {"recogniser": few}, {"recogniser": few, "seeds": MOST + 1}):
        with pytest.raises(ValueError, match=f"ensemble: give a recogniser, and seeds: 2 to {MOST}"):
            config(ensemble=True, **values)
    assert config(ensemble=True, recogniser=few, seeds=MOST).ensemble
    with pytest.raises(ValueError, match="isolated signs have neither"):
        config(ensemble=True, task="recognise", seeds=2)


def test_gloss2text_may_have_a_recipe_of_its_own(rows, tmp_path: Path) -> None:
    corpus, _ = rows
    other = PRESETS["tiny"].model_copy(update={"max_updates": 2, "validate_every": 2, "beams": [1], "hidden": 16})
    run = Run(config(gloss2text_training=other, rows=["gloss2text"]), tmp_path, corpus, "")
    cascades.train_rows(run, [])
    assert Translator.load(tmp_path / "systems" / "gloss2text" / "model", "cpu").config.hidden == 16
