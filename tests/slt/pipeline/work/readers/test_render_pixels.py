from dataclasses import replace
from functools import partial

import pytest

from skeletor.support.errors import InputError
from slt.data import layout
from slt.pipeline.work.readers.render_pixels import PixelPlan, corpus_sources, render_videos, with_pixels
from slt.synthetic import build
from slt.synthetic.resynth import ResynthConfig, resynthesise
from slt.video import open_video

pytestmark = pytest.mark.usefixtures("forked_workers")


def test_of_the_training_clips_only_so_many_are_used(release):
    corpus = layout.read_corpus(release())
    assert list(corpus_sources(corpus, 1)["train"]) == ["heute-1"]
    assert len(corpus_sources(corpus, None)["train"]) == 2


def test_a_video_is_the_same_whoever_renders_it(tmp_path):
    config = build.CorpusConfig(train=2, dev=1, test=1, calibration=2)
    plan = build.plan_corpus(config)[0]
    build.make_clip(plan, config, tmp_path / "corpus")
    make = partial(build.make_clip, config=config)
    found = render_videos([plan], make, tmp_path / "other", 1)
    assert list(found) == [plan.name]
    assert found[plan.name].read_bytes() == build.video_path(tmp_path / "corpus", "train", plan.name).read_bytes()
    stamp = found[plan.name].stat().st_mtime_ns
    assert render_videos([plan], make, tmp_path / "other", 1) == found
    assert found[plan.name].stat().st_mtime_ns == stamp


def test_a_resynthesised_corpus_gets_pixels_of_all_that_is_scored(annotation, tmp_path):
    folder = annotation(train=6, dev=2, test=2)
    config = ResynthConfig(calibration=2, sample=1, studio=2, studio_motion=0, negatives=0)
    corpus = resynthesise(config, folder, tmp_path / "corpus", 1)
    plan = PixelPlan(corpus, config, folder, 3, tmp_path / "videos", "key", 1)
    sources = with_pixels(plan)
    assert list(sources["train"]) == ["train-heute-0", "train-heute-2", "train-heute-4"]
    for split in ("dev", "test"):
        assert list(sources[split]) == [clip.name for clip in corpus.split(split)]
        # What the corpus has is not made again.
        assert sum((tmp_path / "corpus") in path.parents for path in sources[split].values()) == config.sample
    lengths = build.open_truth(corpus.root, "dev", planar=True)
    for name, path in sources["dev"].items():
        assert sum(1 for _ in open_video(path)) == len(lengths[name])
    assert set(with_pixels(replace(plan, clips=None))["train"]) == set(corpus_sources(corpus, None)["train"])
    with pytest.raises(InputError, match=r"clips is 7, but the annotation's training clips are 6"):
        with_pixels(replace(plan, clips=7))
