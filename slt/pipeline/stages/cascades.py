"""The rows "glosses recognised, then translated": behind each row whose glosses are recognised stands Gloss2Text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

from skeletor.poses.pose import file_sha256
from slt.data import layout
from slt.pipeline.cache.stage import Done
from slt.pipeline.context import Row, Run, Training
from slt.pipeline.stages.translators import (
    GLOSS,
    Job,
    TrainedTranslator,
    collect,
    outputs_of,
    sentences,
    submit,
    system_folder,
)
from slt.pipeline.tables.table import Table
from slt.pipeline.work.readers.cascade import train_on_glosses_of_poses, translate_recognised
from slt.pipeline.work.readers.ensemble import translate_ensemble
from slt.pipeline.work.readers.train_translator import RECOGNISED
from slt.recognise.config import RecogniserConfig

_SUFFIX, _ENSEMBLE = "-cascade", "-ensemble"


def cascade_of(row: str) -> str:
    """The name of a row's cascade."""
    return row + _SUFFIX


def cascade_label(label: str) -> str:
    """How it is called in the table."""
    return f"{label}: glosses recognised, then translated"


def ensemble_of(row: str) -> str:
    """The name of a row's system of all seeds."""
    return row + _ENSEMBLE


def labels_of(row: str, label: str) -> dict[str, str]:
    """The names of all systems that a row may have, and how they are called in the table."""
    ensemble = f"{label}: glosses recognised and translated by all seeds together"
    return {row: label, cascade_of(row): cascade_label(label), ensemble_of(row): ensemble}


def train_rows(run: Run, rows: Sequence[Row]) -> dict[str, tuple[TrainedTranslator, ...]]:
    """Train and decode the translators of each row (if they are asked for), Gloss2Text and the recognisers.

    Some at a time, see `Run.training_pool`. Gives the systems of each row by its name, its cascades among them, and
    what all seeds of a cascade make together.
    """
    with run.training_pool() as pool:
        jobs = submit(pool, run, rows if run.config.joint else ())
        recognisers = submit_recognisers(pool, run, rows)
        systems = collect(jobs)
        found = systems | cascade_systems(run, systems, recognisers)
    return found | together_systems(run, rows, systems, recognisers)


def submit_recognisers(pool: Executor, run: Run, rows: Sequence[Row]) -> list[Job]:
    """Submit the training of a recogniser for each row and seed, if the config asks for them; first seeds first."""
    if run.config.recogniser is None:
        return []
    seeds = range(run.config.seed, run.config.seed + run.config.seeds)
    return [Job(row.name, seed, run.train(pool, recogniser_training(run, row, seed))) for seed in seeds for row in rows]


def cascade_systems(
    run: Run, systems: Mapping[str, Sequence[TrainedTranslator]], recognisers: Sequence[Job]
) -> dict[str, tuple[TrainedTranslator, ...]]:
    """The cascades of all rows whose glosses were read: by their recognisers or, without any, by gloss heads.

    Each seed's glosses are translated by the Gloss2Text of the same seed. {} if there is no Gloss2Text.
    """
    found: dict[str, tuple[TrainedTranslator, ...]] = {}
    translators = {system.seed: system.done for system in systems.get(GLOSS, ())}
    if recognisers:
        read = [(job.row, job.seed, job.future.result()) for job in recognisers]
    else:
        read = [(name, one.seed, one.done) for name, several in systems.items() for one in several if one.glosses]
    for name, seed, reader in read:
        if seed in translators:
            glosses = outputs_of(reader.folder, RECOGNISED)
            stages = (reader, translators[seed])
            done = _cascade(run, cascade_of(name), seed, glosses, stages, bool(recognisers))
            shown = glosses if recognisers else {}  # a gloss head's rate stands beside its own row
            system = TrainedTranslator(done, seed, outputs_of(done.folder), shown)
            found[cascade_of(name)] = (*found.get(cascade_of(name), ()), system)
    return found


def together_systems(
    run: Run, rows: Sequence[Row], systems: Mapping[str, Sequence[TrainedTranslator]], recognisers: Sequence[Job]
) -> dict[str, tuple[TrainedTranslator, ...]]:
    """Of each row, its recognisers and the Gloss2Texts of all seeds as one system; {} if that is not asked for."""
    if not run.config.ensemble:
        return {}
    translators = [system.done for system in systems[GLOSS]]
    clips = {split: run.corpus.split(split) for split in ("dev", "test")}
    found: dict[str, tuple[TrainedTranslator, ...]] = {}
    for row in rows:
        readers = [job.future.result() for job in recognisers if job.row == row.name]
        name = ensemble_of(row.name)
        work = partial(
            translate_ensemble, [one.folder for one in readers], row.store,
            [one.folder / "model" for one in translators], clips,
        )  # fmt: skip
        done = run.stage(name, run.folder / "systems" / name, work, {}, [*readers, *translators, row.done])
        glosses = outputs_of(done.folder, RECOGNISED)
        found[name] = (TrainedTranslator(done, run.config.seed, outputs_of(done.folder), glosses),)
    return found


def recogniser_training(run: Run, row: Row, seed: int) -> Training:
    """The training of a row's recogniser of glosses, if the config asks for one."""
    config = run.config.recogniser
    assert config is not None
    target = system_folder(run.folder, f"{row.name}-recogniser", seed, run.config.seed)
    annotations = layout.annotation_folder(run.annotation or run.corpus.root)
    work = partial(train_on_glosses_of_poses, row.store, run.corpus, annotations, config, seed, row.label)
    inputs: list[Done | str] = [row.done, sentences(run)]
    inputs += [file_sha256(path) for path in sorted(annotations.glob("*.train.*")) if path.suffix == ".tsv"]
    recogniser, encoder = recogniser_values(config)
    values = {"recogniser": recogniser, "seed": seed}
    return Training(f"train {target.name}", target, work, values, [*inputs, *encoder])


def recogniser_values(config: RecogniserConfig) -> tuple[dict[str, Any], list[str]]:
    """The values on which a recogniser depends, and the hash of the encoder that it begins with, if there is one.

    Raises InputError if that cannot be used.
    """
    if config.pretrained is None:
        return config.model_dump(), []
    from slt.recognise.pretraining.encoder import PretrainedEncoder

    PretrainedEncoder.of(config)
    return config.model_dump(exclude={"pretrained"}), [file_sha256(config.pretrained)]


def _cascade(
    run: Run, name: str, seed: int, glosses: Mapping[str, Mapping[str, Sequence[str]]], stages: tuple[Done, Done],
    whole: bool,
) -> Done:  # fmt: skip
    """stages: reader and translator. whole: the reader is a recogniser, and both become one system."""
    reader, translator = stages
    target = system_folder(run.folder, name, seed, run.config.seed)
    work = partial(translate_recognised, reader.folder if whole else None, translator.folder / "model", glosses)
    return run.stage(name, target, work, {"whole": whole}, stages)


def best_system(row: str, table: Table, systems: Mapping[str, Sequence[TrainedTranslator]]) -> tuple[str, int]:
    """The name and the seed's number of a row's best system on dev: its joint translator or, if they are whole, its
    cascade or all seeds of that together."""
    whole = [name for name in labels_of(row, "") if any(_is_whole(one) for one in systems.get(name, ()))]
    seeds = {name: table.best_seed(name) for name in whole}
    best = max(whole, key=lambda name: table.scores_of(name, seeds[name])["dev"].bleu4)
    return best, seeds[best]


def _is_whole(system: TrainedTranslator) -> bool:
    """Whether its folder has all that `slt translate` needs."""
    return (system.done.folder / "model").is_dir()
