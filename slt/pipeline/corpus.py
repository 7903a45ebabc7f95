"""The data set of a run, given or made, with the sentences that are trained on and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data import layout
from slt.data.frames import fingerprint
from slt.pipeline.cache.stage import run_stage
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Run, elsewhere
from slt.pipeline.sources import require_glosses, require_labels, require_pictures, tell_unspaced
from slt.synthetic import build
from slt.synthetic.resynth import resynthesise, source_hash
from slt.translate.config import spelt


def run_on_corpus(config: RunConfig, folder: Path, given: Path | None, reuse: tuple[Path, ...]) -> Run:
    """A run with its data set. given: the data set, or what one is re-synthesised from; None: as the config says.

    reuse: folders of other runs, whose corpus is taken if it would be the same. Raises InputError if there is nothing
    to make one of, or what is given lacks glosses or pictures that the run needs.
    """
    if config.task == "recognise" and given is None:
        raise InputError("task: recognise: no data; give a folder with clips.tsv with --corpus DIR")
    if config.resynth is not None:
        return _resynthesised(config, folder, given or config.resynth.annotation, reuse)
    if given is None:
        if config.corpus == build.CorpusConfig():  # the config names none either: data may have been forgotten
            log.warning("no data set is given (--corpus DIR): one of the rendered signer is made, of invented signs")
        work = partial(build.render_corpus, config.corpus, workers=config.workers)
        return _made(config, folder, work, config.corpus.model_dump(), (), reuse)
    corpus = layout.read_corpus(given, config.task == "recognise")
    require_glosses(config, corpus)
    bare = [split for split in layout.SPLITS if not any(clip.source for clip in corpus.split(split))]
    require_pictures(config, corpus)
    if bare:
        raise InputError(f"{corpus.root}: no pictures of {', '.join(bare)}; `slt data check` tells what is there")
    if config.task == "recognise":
        require_labels(corpus)
    else:
        tell_unspaced(config, corpus)
    return Run(config, folder, with_text(corpus, config.period, config.translate.case), fingerprint(corpus), reuse)


def _resynthesised(config: RunConfig, folder: Path, source: Path | str | None, reuse: tuple[Path, ...]) -> Run:
    """A run on what the annotation `source` says, signed by the rendered signer."""
    assert config.resynth is not None
    if source is None:
        raise InputError("resynth: no annotation; give PHOENIX14T or its annotation folder with --corpus DIR "
                         "(make pipeline CONFIG=... CORPUS=DIR) or the key resynth.annotation")  # fmt: skip
    work = partial(resynthesise, config.resynth, source, workers=config.workers)
    values = config.resynth.model_dump(exclude={"annotation"})
    return replace(_made(config, folder, work, values, (source_hash(source),), reuse), annotation=Path(source))


def _made(
    config: RunConfig,
    folder: Path,
    work: Callable[[Path], object],
    values: dict[str, object],
    inputs: tuple[str, ...],
    reuse: tuple[Path, ...],
) -> Run:
    """A run on a data set that is a stage of its own; work, values, inputs: see `run_stage`."""
    place = folder / "corpus"
    done = run_stage("corpus", place, work, values, inputs, elsewhere(folder, place, reuse))
    corpus = with_text(layout.read_corpus(done.folder), config.period, config.translate.case)
    return Run(config, folder, corpus, done, reuse)


def with_text(corpus: layout.Corpus, period: bool, case: Literal["keep", "lower"] = "keep") -> layout.Corpus:
    """The corpus with the sentences that are trained on and scored.

    period: keep the final " ." that the reader adds to each. Texts that are as their writer wrote them stay so, but for
    the case: lower makes all of them lower case.
    """
    if case == "keep" and (period or not corpus.protocol):
        return corpus
    end = " ." if corpus.protocol and not period else ""
    clips = tuple(replace(clip, text=spelt(clip.text.removesuffix(end), case)) for clip in corpus.clips)
    return replace(corpus, clips=clips)
