"""Work of a stage: 2D poses of a corpus, by the estimator on every clip with pixels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from skeletor.files.atomic import write_text
from skeletor.io import native
from skeletor.io.store import write_store
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.span import Span
from skeletor.support.errors import InputError
from slt.estimators.pool import Job, estimate_here, estimate_jobs
from slt.estimators.registry import EstimateOptions
from slt.pipeline.mapping import Spread

FAILED = "failed.json"
_GROUP = 16  # clips that are handed out together


def estimate_corpus(
    sources: Mapping[str, Mapping[str, Path]],
    y_scale: float,
    config: EstimateOptions,
    cache: Path,
    folder: Path,
    workers: int,
    spans: Mapping[str, Mapping[str, Span]] = MappingProxyType({}),
    fps: float | None = None,
    spread: Spread | None = None,
) -> None:
    """Estimate every clip of `sources` (part -> clip -> video or folder of frames) into shards in `folder/<part>/`.

    spans: part -> clip -> which part of its source the clip is, of those that are not the whole of it. fps: frame rate
    of folders of frames or JSON, unless `config` says it.
    cache: what is estimated lies here, one file a clip, until it is put into shards: a run that was stopped, or that
    has a few new pictures, estimates only what is not there. y_scale undoes squeezed pictures
    (`slt.data.layout.Description`). spread: estimates first, elsewhere. Clips that fail are logged and listed in
    `folder/failed.json` (part -> clip -> reason); InputError if all of them do.
    """
    jobs = {
        f"{part}/{name}": Job(source, cache / part / f"{name}.safetensors", spans.get(part, {}).get(name), fps)
        for part, videos in sources.items()
        for name, source in videos.items()
    }
    for left_over in cache.glob("*/.*.tmp*"):  # of workers that were killed
        left_over.unlink()
    if spread is not None:
        listed = list(jobs.items())
        groups = [dict(listed[k : k + _GROUP]) for k in range(0, len(listed), _GROUP)]
        spread(partial(_estimate_group, groups, config), len(groups), "poses")
    report = estimate_jobs(jobs, config, workers)
    failed = {
        part: {name: report.failed[key] for name in videos if (key := f"{part}/{name}") in report.failed}
        for part, videos in sources.items()
    }
    for part, videos in sources.items():
        files = {name: jobs[f"{part}/{name}"].target for name in videos if name not in failed[part]}
        shutil.rmtree(folder / part, ignore_errors=True)  # an attempt that was stopped may have had more clips
        write_store(folder / part, ((name, stretch(native.read_pose(f), y_scale)) for name, f in files.items()))
    write_text(folder / FAILED, json.dumps(failed, indent=1, ensure_ascii=False))
    if jobs and len(report.failed) == len(jobs):
        raise InputError(f"no clip could be read, the first because: {next(iter(report.failed.values()))}")


def _estimate_group(groups: Sequence[Mapping[str, Job]], config: EstimateOptions, number: int) -> None:
    estimate_here(groups[number], config)


def stretch(pose: PoseSequence, y_scale: float) -> PoseSequence:
    """The pose with y, in pixels, multiplied by `y_scale`, which undoes squeezed pictures."""
    if y_scale == 1:
        return pose
    keypoints = pose.keypoints.copy()
    keypoints[:, :, 1] *= y_scale
    return pose.replace(keypoints, stage=StageRecord("stretch", config={"y_scale": y_scale}))
