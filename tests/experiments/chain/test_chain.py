"""Ablations of the chain: every shipped one changes the stages that it should, and no other."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from experiments.chain.config import load_ablation, load_ablations
from experiments.chain.run import main, outcomes, table, usable
from skeletor.support.errors import InputError
from slt.data.layout import Clip, Corpus, Description
from slt.pipeline import context, refine2d_stages, run, translators
from slt.pipeline.cache.stage import Done, stage_key
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Run
from slt.pipeline.run import PreparedRows, prepare_rows

FOLDER = Path(__file__).parents[3] / "experiments"
FILES = sorted((FOLDER / "chain").glob("*.yaml"))
LIFTERS = sorted((FOLDER / "chain_lifters").glob("*.yaml"))
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

    for module in (context, refine2d_stages, run):
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
    return keys(load_ablation(next(f for f in FILES if f.stem == "base")).config)


def test_the_base_needs_no_stage_of_another_row(base):
    assert set(base) == SHARED | {"truth", "motion", OWN, *TRANSLATOR}


@pytest.mark.parametrize("path", [f for f in FILES if f.stem != "base"], ids=lambda f: f.stem)
def test_an_ablation_changes_the_stages_that_it_should_and_no_other(path, keys, base):
    ablation = load_ablation(path)
    found = keys(ablation.config)
    if ablation.row == OWN:
        assert set(base) <= set(found)
        changed = {name for name in found if found[name] != base.get(name)}
        assert changed == REACHES.get(path.stem, TRANSLATOR)
    else:
        assert not ablation.change and set(found) == SHARED | ROWS[ablation.row]
        assert all(found[name] == base[name] for name in SHARED)


def test_all_files_together_have_one_base_and_different_changes():
    loaded = load_ablations(FILES)
    assert loaded[0].name == "base" and len({a.label for a in loaded}) == len(FILES)
    assert len({json.dumps([a.row, a.change], sort_keys=True) for a in loaded}) == len(FILES)
    wanted = ("hands", "body", "confidence", "normalise", "fps", "size", "lifter", "refinement")
    assert all(any(a.name.startswith(word) for a in loaded) for word in wanted)


def test_the_lifters_are_compared_on_the_raw_row_and_one_without_weights_is_left_out(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    loaded = load_ablations(LIFTERS)
    assert {a.row for a in loaded} == {"raw"} and len({a.label for a in loaded}) == len(loaded)
    learned = [a for a in loaded if a.config.lift.weights is not None]
    assert len(learned) == 2 and {a.config.refine2d.name for a in loaded} == {"none", "gaussian", "port"}
    there = Path(learned[0].config.lift.weights)
    there.parent.mkdir(parents=True)
    there.touch()
    kept = usable(loaded)
    assert kept == [a for a in loaded if a not in learned[1:]]
    assert all(f"{a.name} is left out" in caplog.text for a in learned[1:])


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text, message",
    [
        ("label: x\nbase: run.yaml\nchanges: {}", "unknown key 'changes'"),
        ("label: x\nbase: nowhere.yaml", "nowhere.yaml"),
        ("label: x\nbase: run.yaml\nchange: {translate.hiden: 64}", "translate.hiden"),
        ("label: x\nbase: run.yaml\nchange: {translate.hidden: wide}", "translate.hidden"),
        ("label: x\nbase: run.yaml\nchange: {seed: 4}", "'seed' cannot be changed"),
    ],
)
def test_a_bad_ablation_is_one_line_that_names_file_and_key(tmp_path, text, message):
    write(tmp_path, "run", "seed: 1")
    path = write(tmp_path, "bad", text)
    with pytest.raises(InputError, match=message) as caught:
        load_ablation(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_base_that_changes_something_or_is_not_there_is_refused(tmp_path, capsys):
    write(tmp_path, "run", "seed: 1")
    changed = write(tmp_path, "base", "label: b\nbase: run.yaml\nchange: {translate.layers: 1}")
    with pytest.raises(InputError, match="base changes nothing"):
        load_ablation(changed)
    alone = write(tmp_path, "other", "label: o\nbase: run.yaml")
    assert main([str(alone), "--work", str(tmp_path / "work")]) == 2
    assert "no base.yaml" in capsys.readouterr().err


def test_the_table_compares_with_the_base(tmp_path):
    texts = ["im norden regen .", "im süden sonne und wind .", "morgen ist es kalt im osten ."] * 8
    clips = [Clip(f"{s}-{k}", s, None, "x", (), text) for s in ("dev", "test") for k, text in enumerate(texts)]
    write(tmp_path, "run", "seed: 1")
    files = [write(tmp_path, n, f"label: {n}\nbase: run.yaml\nchange: {c}") for n, c in (
        ("base", "{}"), ("worse", "{translate.layers: 1}"), ("same", "{translate.depth: false}"))]  # fmt: skip
    ablations = load_ablations(files)
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
