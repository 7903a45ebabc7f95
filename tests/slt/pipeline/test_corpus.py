"""Which data set a run has, and which sentences."""

from dataclasses import replace
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.data.layout import Clip, Corpus, Description
from slt.estimators.pose_files import PosesOptions
from slt.pipeline import report
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Run
from slt.pipeline.corpus import run_on_corpus, with_text
from slt.synthetic.build import CorpusConfig
from tests.slt.data.own_sets import sound_set, write_poses


def test_a_run_takes_a_table_of_clips_and_leaves_its_text(tmp_path):
    root = sound_set(tmp_path / "mine")
    table = root / "clips.tsv"
    table.write_text(table.read_text().replace("Hello, dev-0!", "Hello, dev-0 ."))
    for period in (True, False):
        config = RunConfig(gloss2text=False, period=period, estimator=PosesOptions())
        made = run_on_corpus(config, tmp_path / "run", root, ())
        assert made.corpus.split("dev")[0].text == "Hello, dev-0 ." and not made.rendered
        assert report._text(made) == "text as it was written, its case and marks kept"
    protocol = Run(RunConfig(period=False), tmp_path, replace(made.corpus, protocol=True), "")
    assert report._text(protocol).startswith("text lower case without")


def test_a_run_refuses_a_table_that_is_not_whole(tmp_path):
    root = sound_set(tmp_path / "mine", {"train": 2, "test": 1})
    with pytest.raises(InputError, match="no pictures of dev"):
        run_on_corpus(RunConfig(gloss2text=False, estimator=PosesOptions()), tmp_path / "run", root, ())
    with pytest.raises(InputError, match="no annotations/manual"):
        run_on_corpus(RunConfig(), tmp_path / "run", tmp_path, ())


def test_an_estimator_of_the_other_kind_of_clips_is_told_before_each_of_them_fails(tmp_path):
    root = sound_set(tmp_path / "mine")
    with pytest.raises(InputError, match="its clips are poses, no pictures; --estimator poses reads them"):
        run_on_corpus(RunConfig(gloss2text=False), tmp_path / "run", root, ())
    for file in (root / "videos").iterdir():
        file.rename(file.with_suffix(".mp4"))
    with pytest.raises(InputError, match="videos or pictures, no poses; leave out --estimator poses"):
        run_on_corpus(RunConfig(gloss2text=False, estimator=PosesOptions()), tmp_path / "run", root, ())
    write_poses(root / "videos" / "dev-0.safetensors")
    (root / "videos" / "dev-0.mp4").unlink()
    for config in (RunConfig(gloss2text=False), RunConfig(gloss2text=False, estimator=PosesOptions())):
        run_on_corpus(config, tmp_path / "run", root, ())  # some of each: those that cannot be read are listed


@pytest.mark.parametrize(("config", "told"), [(RunConfig(), 1), (RunConfig(corpus=CorpusConfig(test=3)), 0)])
def test_a_data_set_that_was_forgotten_is_not_replaced_without_a_word(tmp_path, monkeypatch, config, told):
    lines = []
    monkeypatch.setattr("slt.pipeline.corpus.log.warning", lines.append)
    monkeypatch.setattr("slt.pipeline.corpus._made", lambda *_: None)
    run_on_corpus(config, tmp_path / "run", None, ())
    assert len(lines) == told and all("no data set is given (--corpus DIR)" in line for line in lines)


def test_without_the_period_the_sentences_end_in_their_last_word(tmp_path: Path) -> None:
    clips = tuple(
        Clip(f"{k}", "dev", None, "s", (), text) for k, text in enumerate(("viel sonne .", "wind", "z . b ."))
    )
    corpus = Corpus(tmp_path, Description(), clips)
    assert with_text(corpus, True) is corpus
    bare = with_text(corpus, False)
    assert [c.text for c in bare.clips] == ["viel sonne", "wind", "z . b"]
    assert [c.name for c in bare.clips] == [c.name for c in clips] and bare.description == corpus.description


@pytest.mark.parametrize("protocol", [True, False])
def test_lower_case_holds_for_training_and_references_alike(tmp_path: Path, protocol: bool) -> None:
    clips = tuple(Clip(s, s, None, "s", (), "Über Nacht .") for s in ("train", "dev"))
    corpus = Corpus(tmp_path, Description(), clips, protocol)
    assert [c.text for c in with_text(corpus, True, "lower").clips] == ["über nacht ."] * 2
    end = "" if protocol else " ."
    assert {c.text for c in with_text(corpus, False, "lower").clips} == {f"über nacht{end}"}
    assert {c.text for c in with_text(corpus, False).clips} == {f"Über Nacht{end}"}
