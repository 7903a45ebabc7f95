"""Long recordings of `slt translate`: their poses stay on disk, and a run that was killed goes on.

What is done lies in a folder beside the results, `NAME.work`, which goes when they are written.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.files.lock import locked
from skeletor.files.plain_json import to_json
from skeletor.files.suffixes import is_poses
from skeletor.poses.pose import file_sha256
from skeletor.support.errors import SkeletorError
from skeletor.support.version import version
from slt.cli.inputs import Input, result_path
from slt.estimators.given import PoseFiles

if TYPE_CHECKING:
    from slt.estimators.base import EstimateOptions
    from slt.estimators.stored import StoredPoses
    from slt.inference.chain import Chain
    from slt.inference.estimation import Sparse
    from slt.inference.journal import FileJournal

LONG = 180.0  # seconds from which a recording is worked on in parts
_SMALL = 100_000  # bytes: no video of that time is smaller, unless it is a still; then it is worked on at once
_NATIVE = ".safetensors"


def estimator_options(args: argparse.Namespace) -> EstimateOptions:
    """Of the model, with what is asked for; InputError if the estimator cannot be so, or there is no model."""
    from slt.inference.chain import model_folder
    from slt.inference.estimation import estimator_config
    from slt.inference.model_files import read_model_config

    folder = model_folder(args.model)
    return estimator_config(read_model_config(folder), folder, args.estimator, sparse_options(args), args.fps)


def sparse_options(args: argparse.Namespace) -> Sparse:
    """What the options of `slt translate` ask of 2D poses."""
    from slt.inference.estimation import Sparse

    return Sparse.of_options(args)


def long_inputs(
    inputs: Sequence[Input], files: PoseFiles, segments: str | None, people: str | None = None
) -> frozenset[Path]:
    """Which inputs, by `shown`, are worked on in parts: videos and native files of poses of more than `LONG`.

    What cannot be read is not among them; it says so when it is its turn. segments: "none": nothing is. people: of
    the estimator's options; "turns": no video is, whose people have to be the same from part to part.
    """
    if segments == "none":
        return frozenset()
    whole = people == "turns"
    return frozenset(one.shown for one in inputs if (is_poses(one.file) or not whole) and _is_long(one, files))


def _is_long(one: Input, files: PoseFiles) -> bool:
    from skeletor.io.native import open_shard
    from slt.video import open_video

    try:
        if not one.usable or not one.file.is_file() or one.file.stat().st_size < _SMALL:
            return False
        if not is_poses(one.file):
            with open_video(one.file) as video:
                return video.frame_count > LONG * video.fps
        if one.file.suffix.lower() != _NATIVE:
            return False
        shard = open_shard(one.file, files.fps)
        name = one.clip if one.clip is not None or len(shard) != 1 else next(iter(shard))
        return name is not None and name in shard and shard.length(name) > LONG * shard.window(name, 0, 1).fps
    except (SkeletorError, OSError):
        return False


@contextmanager
def work_folder(base: Path | None) -> Iterator[Path]:
    """A folder for what is done so far, beside the results `base`; it stays if the block fails. None: a temporary one.

    InputError if another process works in it.
    """
    if base is None:
        with tempfile.TemporaryDirectory(prefix="slt-") as made:
            yield Path(made)
        return
    folder = result_path(base, ".work")
    with locked(folder):
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


def stored(one: Input, args: argparse.Namespace, files: PoseFiles, folder: Path) -> StoredPoses:
    """The poses of a long input, on disk: estimated into `folder`, or where they are. InputError as the estimator."""
    from skeletor.io.native import open_shard
    from slt.estimators.ahead import MOST_WORKERS, usable_cores
    from slt.estimators.base import finish, source_sha256
    from slt.estimators.pose_files import PosesEstimator
    from slt.estimators.stored import estimate_in_parts, stored_clip

    if not is_poses(one.file):
        workers = min(usable_cores(), MOST_WORKERS) if args.workers is None else args.workers
        return estimate_in_parts(one.file, estimator_options(args), folder, workers)
    shard = open_shard(one.file, files.fps)
    name = one.clip or next(iter(shard))
    reader = PosesEstimator(files.fps, 1, files.skeleton, files.size)
    about = finish(shard.window(name, 0, 1), reader, source_sha256(one.file)).provenance
    return stored_clip(one.file, name, about, files.fps)


def journal(chain: Chain, raw: StoredPoses, args: argparse.Namespace, folder: Path) -> FileJournal:
    """What keeps the sentences of a recording, as long as neither its poses nor the chain change."""
    from skeletor.lifters.choice import named_weights
    from slt.inference.journal import FileJournal

    options = {name: str(getattr(args, name)) for name in ("refine", "refine2d", "lift", "upsample")}
    weights = None if args.lift is None else named_weights(args.lift)
    options |= {} if weights is None else {"weights": file_sha256(weights)}
    key = {"model": chain.model.config, "options": options, "poses": raw.provenance.to_json(), "version": version()}
    return FileJournal(folder, to_json(key, 0))
