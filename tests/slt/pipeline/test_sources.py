"""What a run asks of a corpus before it begins."""

import logging
from dataclasses import replace

import pytest

from skeletor.support.errors import InputError
from slt.data import layout
from slt.estimators.pose_files import PosesOptions
from slt.pipeline import run
from slt.pipeline.config import RunConfig
from slt.pipeline.sources import folder_rate, require_dev, require_glosses, spans_of, tell_unspaced
from slt.pipeline.work.readers.render_pixels import corpus_sources
from slt.recognise.config import RecogniserConfig
from slt.translate.config import PRESETS, TranslateConfig
from slt.video import Span
from tests.slt.data.own_sets import sound_set, write_lines


@pytest.fixture
def corpus(tmp_path) -> layout.Corpus:
    return layout.read_corpus(sound_set(tmp_path / "mine"))


def without_glosses(corpus: layout.Corpus, *names: str) -> layout.Corpus:
    clips = tuple(replace(c, glosses=()) if c.name in names else c for c in corpus.clips)
    return replace(corpus, clips=clips)


@pytest.mark.parametrize("name", ["train-1", "dev-0"])
@pytest.mark.parametrize(
    ("config", "advice"),
    [
        (RunConfig(), "gloss2text: false"),
        (RunConfig(rows=["raw", "gloss2text"]), "gloss2text: false"),
        (RunConfig(recogniser=RecogniserConfig()), "no recogniser, and gloss2text: false"),
        (RunConfig(translate=PRESETS["ctc"], gloss2text=False), "gloss_weight: 0"),
    ],
)
def test_a_run_that_needs_glosses_says_so_before_it_works(corpus, name, config, advice):
    require_glosses(config, corpus)
    with pytest.raises(InputError, match=f"clip {name} has no glosses.*{advice}") as caught:
        require_glosses(config, without_glosses(corpus, name))
    assert "\n" not in str(caught.value) and str(corpus.root) in str(caught.value)


def needs_more(config: RunConfig, corpus: layout.Corpus) -> bool:
    try:
        require_glosses(config, corpus)
    except InputError:
        return True
    return False


def test_only_a_run_that_learns_from_glosses_needs_them_and_none_of_test(corpus):
    for names, needed in {("train-0", "train-1", "dev-0", "test-0"): True, ("test-0",): False}.items():
        bare = without_glosses(corpus, *names)
        assert needs_more(RunConfig(), bare) == needed
        assert not needs_more(RunConfig(gloss2text=False), bare)
        assert not needs_more(RunConfig(rows=["raw"]), bare)


def test_what_cannot_end_well_is_told_before_the_work(tmp_path, corpus):
    root = sound_set(tmp_path / "few", {"train": 2, "dev": 4, "test": 1})
    config = RunConfig(workers=1, gloss2text=False, estimator=PosesOptions())
    with pytest.raises(InputError, match=r"4 clips in dev.*at least 5"):
        run.prepare_rows(config, tmp_path / "run", root)
    with pytest.raises(InputError, match="no row 'roh'; the rows of this run are raw, "):
        run.prepare_rows(config.model_copy(update={"rows": ["roh"]}), tmp_path / "run", root)
    assert not (tmp_path / "run" / "estimated").exists()
    bare = tuple(replace(clip, source=None) if clip.split == "dev" else clip for clip in corpus.clips)
    with pytest.raises(InputError, match="0 clips in dev"):
        require_dev(replace(corpus, clips=bare))
    require_dev(replace(corpus, clips=bare, description=layout.Description("rendered")))


def test_it_is_estimated_and_lifted_like_any_other(tmp_path):
    """Files of poses of a toy language through the first stages, under the names of the table."""
    from skeletor.io.formats import write_pose
    from skeletor.io.store import open_store
    from skeletor.lifters.fast_lifter import FastOptions
    from skeletor.refiners.base import NoRefineOptions
    from tests.slt.toy import in_pixels, perform

    root = sound_set(tmp_path / "mine", {"train": 2, "dev": 5, "test": 1})
    for k, file in enumerate(sorted((root / "videos").iterdir())):
        pose = perform(["regen", "wind"], k)
        flat = pose.replace(in_pixels(pose))
        write_pose(flat, file)
    config = RunConfig(
        workers=1, gloss2text=False, rows=["raw"],
        estimator=PosesOptions(), lift=FastOptions(), refine=NoRefineOptions(),
    )  # fmt: skip
    done = run.prepare_rows(config, tmp_path / "run", root)
    (row,) = done.rows
    assert {split: sorted(open_store(row.store / split)) for split in layout.SPLITS} == {
        "train": ["train-0", "train-1"], "dev": [f"dev-{k}" for k in range(5)], "test": ["test-0"],
    }  # fmt: skip
    assert (tmp_path / "run" / "bad_clips.tsv").read_text(encoding="utf-8").count("\n") == 1


def test_the_parts_and_the_frame_rate_that_the_estimate_takes(corpus):
    assert spans_of(corpus) == {"train": {}, "dev": {}, "test": {}} and folder_rate(corpus) == 25
    first = replace(corpus.clips[0], span=Span(1, 2))
    part = replace(corpus, clips=(first, *corpus.clips[1:]), description=replace(corpus.description, fps=30.0))
    assert spans_of(part)["train"] == {first.name: Span(1, 2)} and folder_rate(part) == 30
    assert folder_rate(replace(part, description=layout.Description(fps=30.0))) == 25, "other layouts: as ever"


def test_sign2text_says_that_it_reads_no_parts(corpus):
    part = replace(corpus, clips=(replace(corpus.clips[0], span=Span(1, 2)), *corpus.clips[1:]))
    with pytest.raises(InputError, match="train-0 is a part of a video"):
        corpus_sources(part, None)


def test_signs_of_one_label_alone_are_told_before_the_work(tmp_path):
    root = sound_set(tmp_path / "mine", {"train": 2, "dev": 5, "test": 1})
    lines = [(f"{split}-{k}", split, "HOUSE") for split, n in (("train", 2), ("dev", 5), ("test", 1)) for k in range(n)]
    write_lines(root, *lines[:-1], ("test-0", "test", "TREE"), head=("name", "split", "glosses"))
    config = RunConfig(task="recognise", workers=1, estimator=PosesOptions())
    with pytest.raises(InputError, match=r"all clips of train are 'HOUSE'; at least two labels"):
        run.prepare_rows(config, tmp_path / "run", root)
    assert not (tmp_path / "run" / "estimated").exists()


@pytest.mark.parametrize(
    ("texts", "options", "told"),
    [
        ("下雨", {}, True),
        ("下雨", {"level": "char"}, True),
        ("下雨", {"level": "char", "score_tokens": "zh"}, False),
        ("ฝนตก", {}, True),
        ("It rains.", {}, False),
        ("Regen", {}, False),
        ("مطر في الشمال", {}, False),
    ],
)
def test_texts_without_spaces_are_told_where_words_are_taken_for_granted(corpus, caplog, texts, options, told):
    clips = tuple(replace(clip, text=texts) for clip in corpus.clips)
    config = RunConfig(translate=TranslateConfig(**options))
    with caplog.at_level(logging.WARNING, "skeletor"):
        tell_unspaced(config, replace(corpus, clips=clips))
    assert ("have no spaces" in caplog.text) == told
