"""The row Sign2Text: pixels of training clips, frames decoded once, the baseline trained and decoded.

Only training clips with pixels can be used. Of a rendered corpus most have none: those that the config asks for are
rendered here, in a folder of their own, so that nothing of the other rows depends on them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from skeletor.atomic import write_text
from skeletor.errors import InputError
from skeletor.progress import log, progress
from slt.corpus import build, layout
from slt.pipeline.context import Run
from slt.pipeline.mapping import worker_pool
from slt.pipeline.stage import Done, keyed_folder, stage_key
from slt.pipeline.training import System, outputs_of
from slt.sign2text.config import Sign2TextConfig

SIGN2TEXT = "sign2text"
LABEL = "Sign2Text, from pixels"
_CODE = ("slt/sign2text", "slt/translate", "slt/video")
_RENDER = tuple(f"slt/corpus/{m}" for m in ("build", "camera", "german", "grammar", "handshapes", "layout", "lexicon",
                                            "limbs", "look", "motion", "patterns", "portrait", "quality", "render",
                                            "rotation", "shapes", "signers"))  # fmt: skip
Sources = dict[str, dict[str, Path]]


def sign2text_stage(run: Run, seed: int) -> Done:
    """Train and decode the row of a run whose config has a section `sign2text`: writes `dev.json` and `test.json`."""
    config = run.config.sign2text
    assert config is not None, "no section sign2text"
    folder = run.folder / SIGN2TEXT
    name = SIGN2TEXT if seed == run.config.seed else f"{SIGN2TEXT}-s{seed}"

    def work(out: Path) -> None:
        """Render what is missing, decode frames, train, translate, write."""
        sources = corpus_sources(run.corpus, config.clips)
        if run.corpus.description.kind == "rendered" and config.clips is not None:
            sources["train"] = _rendered_train(run, sources["train"], config.clips, folder / "videos")
        key = stage_key({}, (run.corpus_key,), ("slt/video",))
        train_and_decode(run.corpus.clips, sources, config, folder / "frames", out, seed, run.config.workers, key=key)

    values = {SIGN2TEXT: config.model_dump(), "seed": seed}
    return run.stage(name, run.folder / "systems" / name, work, values, (run.corpus_key,), (*_CODE, *_RENDER))


def sign2text_systems(run: Run) -> tuple[System, ...]:
    """The row's trained systems, one for each seed of the run."""
    seeds = range(run.config.seed, run.config.seed + run.config.seeds)
    stages = [(seed, sign2text_stage(run, seed)) for seed in seeds]
    return tuple(System(done, seed, outputs_of(done.folder)) for seed, done in stages)


def _rendered_train(run: Run, found: Mapping[str, Path], clips: int, root: Path) -> dict[str, Path]:
    """Videos of the first `clips` training clips: those that the corpus has, and the others, rendered into `root`."""
    config = run.config.corpus
    plans = [plan for plan in build.plan_corpus(config) if plan.part == "train"]
    if clips > len(plans):
        raise InputError(
            f"sign2text.clips is {clips}, but corpus.train is {len(plans)}; lower the one, raise the other"
        )
    missing = [plan for plan in plans[:clips] if plan.name not in found]
    key = stage_key(config.model_dump(exclude={"calibration"}), (), (*_RENDER, "slt/video"))
    return {**found, **render_videos(missing, config, keyed_folder(root, key), run.config.workers)}


def note(run: Run, done: Done) -> str:
    """The footnote of the row: on how many clips it was trained."""
    assert run.config.sign2text is not None
    names = json.loads((done.folder / "train.json").read_text(encoding="utf-8"))
    return (
        f"{LABEL}: preset {run.config.sign2text.preset}, trained on the {len(names)} of "
        f"{len(run.corpus.split('train'))} training clips that have pixels"
    )


def corpus_sources(corpus: layout.Corpus, clips: int | None) -> Sources:
    """Split -> clip -> video or folder of pictures, of those that have one; of train the first so many (None: all)."""
    found = {s: {c.name: c.source for c in corpus.split(s) if c.source is not None} for s in layout.SPLITS}
    found["train"] = dict(list(found["train"].items())[:clips])
    return found


def render_videos(plans: Sequence[build.Plan], config: build.CorpusConfig, root: Path, workers: int) -> dict[str, Path]:
    """Videos of planned clips, whether or not they were to have pixels; those that are there are kept."""
    paths = {plan.name: build.video_path(root, plan.part, plan.name) for plan in plans}
    missing = [dataclasses.replace(plan, pixels=True) for plan in plans if not paths[plan.name].exists()]
    if missing:
        with worker_pool(min(workers, len(missing))) as pool:
            done = pool.map(partial(_render, config=config, root=root), missing)
            for _ in progress(done, "render", len(missing), "clip", log_every=60):
                pass
    return paths


def _render(plan: build.Plan, config: build.CorpusConfig, root: Path) -> None:
    build.make_clip(plan, config, root)


def train_and_decode(
    clips: Sequence[layout.Clip], sources: Mapping[str, Mapping[str, Path]], config: Sign2TextConfig, frames: Path,
    out: Path, seed: int, workers: int, device: str = "auto", key: str = "",
) -> dict[str, dict[str, str]]:  # fmt: skip
    """Decode frames into `frames`, train in `out/model`, translate dev and test (clip name -> text).

    sources: split -> clip -> video or folder of pictures. key: what the pictures are known by; under another one
    `frames` is emptied. Writes `out/{dev,test}.json`, and `out/train.json` with the names of the training clips.
    """
    from slt.sign2text.frames import FrameStore, decode_frames, frame_file
    from slt.sign2text.train import Clips, train_sign2text
    from slt.sign2text.translator import Sign2Text

    cache = keyed_folder(frames, f"{config.height} x {config.width} {key}")
    texts = {clip.name: clip.text for clip in clips}
    found = {
        split: decode_frames(sources[split], cache / split, config.height, config.width, workers)
        for split in layout.SPLITS
    }
    files = {split: [frame_file(cache / split, name) for name in names] for split, names in found.items()}
    train, dev = (Clips(files[s], found[s], [texts[n] for n in found[s]]) for s in ("train", "dev"))
    log.info("sign2text: trains on %d clips", len(found["train"]))
    train_sign2text(train, dev, config, out / "model", seed, device, threads=min(workers, 2))
    model = Sign2Text.load(out / "model", device)
    outputs = {}
    for split in ("dev", "test"):
        hypotheses = model.translate(FrameStore(files[split]))
        outputs[split] = {n: h.text for n, h in zip(found[split], hypotheses, strict=True)}
        write_text(out / f"{split}.json", json.dumps(outputs[split], indent=0, ensure_ascii=False))
    write_text(out / "train.json", json.dumps(found["train"], indent=0))
    return outputs
