"""Ablations of the chain: every shipped one changes the stages that it should, and no other."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.ablations.chain import Ablation, ChainTable, ablations_of, outcomes, table, usable
from skeletor.support.config import load_config
from skeletor.support.errors import InputError
from skeletor.support.registry import given_weights
from slt.data.layout import Clip, Corpus, Description
from slt.pipeline import context, run
from slt.pipeline import corpus as corpus_stage
from slt.pipeline.cache.stage import Done, stage_key
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Run
from slt.pipeline.run import PreparedRows, prepare_rows
from slt.pipeline.stages import refine2d, translators

FOLDER = Path(__file__).parents[3] / "experiments" / "ablations"


def load(path: Path) -> list[Ablation]:
    return ablations_of(load_config(path, ChainTable), path)


ABLATIONS = load(FOLDER / "chain.yaml")
OWN = "skeletor-motion"
TRANSLATOR = {f"train {OWN}"}
# What each change reaches beside the translator, and what a run of another row needs.
LIFTED = {"lift", "motion", OWN, *TRANSLATOR}
REACHES = {"lifter_reference": LIFTED, "refine2d_gaussian": {"fit refine2d", "refine2d", *LIFTED}}
ROWS = {
    "raw": {"train raw"},
    "savgol": {"savgol", "train savgol"},
    "skeletor": {"refiner", "skeletor", "train skeletor"},
}
SHARED = {"corpus", "estimate", "simulate", "lift"}


class Here(Executor):
    """Runs each job at once, in this process."""

    def submit(self, work, /, *args, **options):
        future: Future = Future()
        future.set_result(work(*args, **options))
        return future


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """keys(config): the key of every stage of a run, by name; nothing is computed."""
    found: dict[str, str] = {}

    def noted(name, folder, work, config, inputs, reuse=()):
        found[name] = stage_key(config, inputs, (work,))
        return Done(name, folder, found[name], 0.0)

    for module in (context, corpus_stage, refine2d):
        monkeypatch.setattr(module, "run_stage", noted)
    corpus = Corpus(tmp_path, Description(kind="rendered"), ())
    monkeypatch.setattr(run.layout, "read_corpus", lambda folder: corpus)
    monkeypatch.setattr(run, "list_bad_clips", lambda *args: 0)

    def keys_of(config: RunConfig) -> dict[str, str]:
        found.clear()
        done = prepare_rows(config, tmp_path / "run")
        translators.submit(Here(), done.run, done.rows)
        return dict(found)

    return keys_of


@pytest.fixture
def base(keys) -> dict[str, str]:
    return keys(ABLATIONS[0].config)


def test_the_base_needs_no_stage_of_another_row(base):
    assert set(base) == SHARED | {"truth", "motion", OWN, *TRANSLATOR}


@pytest.mark.parametrize("ablation", ABLATIONS[1:], ids=lambda ablation: ablation.name)
def test_an_ablation_changes_the_stages_that_it_should_and_no_other(ablation, keys, base):
    found = keys(ablation.config)
    if ablation.row == OWN:
        assert set(base) <= set(found)
        changed = {name for name in found if found[name] != base.get(name)}
        assert changed == REACHES.get(ablation.name, TRANSLATOR)
    else:
        assert not ablation.change and set(found) == SHARED | ROWS[ablation.row]
        assert all(found[name] == base[name] for name in SHARED)


def test_the_base_comes_first_and_all_changes_are_different():
    loaded = ABLATIONS
    assert loaded[0].name == "base" and len({a.label for a in loaded}) == len(loaded) == 16
    assert len({json.dumps([a.row, a.change], sort_keys=True) for a in loaded}) == len(loaded)
    wanted = ("hands", "body", "confidence", "normalise", "fps", "size", "lifter", "refinement")
    assert all(any(a.name.startswith(word) for a in loaded) for word in wanted)


def test_the_lifters_are_compared_on_the_raw_row_and_one_without_weights_is_left_out(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    loaded = load(FOLDER / "chain_lifters.yaml")
    assert {a.row for a in loaded} == {"raw"} and len({a.label for a in loaded}) == len(loaded)
    learned = [a for a in loaded if given_weights(a.config.lift) is not None]
    assert len(learned) == 2 and {a.config.refine2d.name for a in loaded} == {"none", "gaussian", "port"}
    there = Path(given_weights(learned[0].config.lift))
    there.parent.mkdir(parents=True)
    there.touch()
    kept = usable(loaded)
    assert kept == [a for a in loaded if a not in learned[1:]]
    assert all(f"{a.name} is left out" in caplog.text for a in learned[1:])


def write(folder: Path, text: str) -> Path:
    (folder / "run.yaml").write_text("seed: 1")
    path = folder / "ablations.yaml"
    path.write_text(text)
    return path


BASE = "base: run.yaml\nablations:\n  base: {label: b}\n"


@pytest.mark.parametrize(
    "text, message",
    [
        (BASE + "  x: {label: x, changes: {}}", "unknown key 'ablations.x.changes'"),
        (BASE.replace("run", "nowhere"), "nowhere.yaml"),
        (BASE + "  x: {label: x, change: {translate.hiden: 64}}", "translate.hiden"),
        (BASE + "  x: {label: x, change: {translate.hidden: wide}}", "translate.hidden"),
        (BASE + "  x: {label: x, change: {seed: 4}}", "x: key 'change': 'seed' cannot be changed"),
        (BASE.replace("label: b", "label: b, change: {translate.layers: 1}"), "base changes nothing"),
        (BASE.replace("  base: {label: b}", "  other: {label: o}"), "no 'base' among the ablations"),
    ],
)
def test_a_bad_ablation_is_one_line_that_names_file_and_key(tmp_path, text, message, capsys):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert main(["chain", "--config", str(path), "--work", str(tmp_path / "work")]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "work").exists()


def test_changes_for_all_reach_every_ablation(tmp_path):
    path = write(tmp_path, BASE + "  x: {label: x, row: raw, change: {translate.layers: 1}}")
    base, other = ablations_of(load_config(path, ChainTable, {"changes": {"seeds": 3}}), path)
    assert base.config.seeds == other.config.seeds == 3 and other.config.translate.layers == 1
    assert base.config.rows == ["skeletor-motion"] and other.config.rows == ["raw"]


def test_the_table_compares_with_the_base(tmp_path):
    texts = ["im norden regen .", "im süden sonne und wind .", "morgen ist es kalt im osten ."] * 8
    clips = [Clip(f"{s}-{k}", s, None, "x", (), text) for s in ("dev", "test") for k, text in enumerate(texts)]
    changes = {"worse": "{translate.layers: 1}", "same": "{translate.depth: false}"}
    lines = "\n".join(f"  {name}: {{label: {name}, change: {change}}}" for name, change in changes.items())
    ablations = load(write(tmp_path, BASE.replace("label: b", "label: base") + lines))
    corpus = Corpus(tmp_path, Description(), tuple(clips))
    prepared, systems = [], []
    for ablation in ablations:
        folder = tmp_path / ablation.name
        (folder / "systems" / OWN).mkdir(parents=True)
        (folder / "systems" / OWN / "done.json").touch()
        done = Done("", folder, "", 0.0)
        prepared.append(PreparedRows(Run(ablation.config, folder, corpus, ""), None, done, []))
        lines = {s: {c.name: c.text for c in clips if c.split == s} for s in ("dev", "test")}
        if ablation.name == "worse":
            lines = {s: {name: "im süden regen ." for name in list(lines[s])[1:]} for s in lines}  # one is left out
        systems.append([translators.TrainedTranslator(done, 1, lines)])
    found = {o.label: o for o in outcomes(ablations, prepared, systems)}
    assert found["base"].against is None and found["base"].scores["test"].bleu4 == pytest.approx(100)
    assert found["same"].against["test"]["bleu4"].p == 1 and found["same"].made == (f"systems/{OWN}",)
    worse = found["worse"].against["dev"]["bleu4"]
    assert worse.difference < -50 and worse.p < 0.01 and worse.interval[1] < 0
    text = table(list(found.values()), tmp_path / "run.yaml").sections[0]
    assert "| worse | skeletor-motion |" in text and "[100.0, 100.0]" in text and f"systems/{OWN}" in text
