"""The work of `slt view` on one input."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from skeletor.files.suffixes import is_poses
from skeletor.lifters.registry import Lifter
from skeletor.poses.normalise import denormalise, normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.turns import each_turn
from skeletor.refiners.registry import Refiner
from skeletor.support.errors import NothingToTranslate
from slt.cli.inputs import Input
from slt.cli.options import with_models
from slt.estimators.given import GivenPoses


def viewer(args: argparse.Namespace, given: GivenPoses) -> Callable[[Input, Path], None]:
    """A function that writes the view of an input: beside its pictures, or of poses alone.

    Raises InputError if a model or weights cannot be used.
    """
    from skeletor.lifters.choice import exchanged_lift
    from skeletor.lifters.registry import LIFTERS, build_lifter
    from slt.estimators.registry import build_estimator
    from slt.inference.chain import make_refiner
    from slt.inference.estimation import named_estimator
    from slt.inference.view import make_view
    from slt.inference.view_poses import view_poses

    lifter = build_lifter(exchanged_lift(LIFTERS.parse({}), args.lift))
    refiner = make_refiner(args.refine, args.model)
    estimator = build_estimator(with_models(named_estimator(args.estimator, fps=args.fps), args))

    def view(one: Input, target: Path) -> None:
        if args.format == "html":
            poses = is_poses(one.file)
            raw = _somebody(given(one.file, one.clip) if poses else estimator(one.file), one)
            _page(one, raw, not poses, lifter, refiner, target)
        elif is_poses(one.file):
            raw, refined = before_and_after(_somebody(given(one.file, one.clip), one), lifter, refiner)
            view_poses([raw, refined], ["raw", "refined"], target)
        else:
            raw = _somebody(estimator(one.file), one)
            make_view(one.file, raw, denormalise(refiner(lifter(raw))), target)

    return view


def _somebody(pose: PoseSequence, one: Input) -> PoseSequence:
    """The pose itself; NothingToTranslate if nobody is in it."""
    if pose.missing.all():
        raise NothingToTranslate(f"{one.shown}: nobody was found in any of its {len(pose)} frames; nothing to show")
    return pose


def _page(one: Input, raw: PoseSequence, pictures: bool, lifter: Lifter, refiner: Refiner, target: Path) -> None:
    """The view as a page; with the video, if there are pictures."""
    from slt.inference.chain import refined_before
    from slt.viewer.page import write_page
    from slt.viewer.scene import make_scene

    lifted = lifter(raw) if raw.dims == 2 else raw if raw.provenance.units == "shoulder" else normalise(raw)
    refined = lifted if refined_before(raw) else each_turn(lifted, refiner)
    fps = raw.fps if one.file.is_dir() else None
    write_page(make_scene(one.name, raw, lifted, refined), target, one.file if pictures else None, fps)


def before_and_after(raw: PoseSequence, lifter: Lifter, refiner: Refiner) -> tuple[PoseSequence, PoseSequence]:
    """Given poses and their repaired ones, in one unit: 2D are lifted and refined, 3D refined, unless they were.

    2D come back in pixels, 3D in shoulder widths.
    """
    from slt.inference.chain import refined_before

    if raw.dims == 2:
        return raw, denormalise(refiner(lifter(raw)))
    if raw.provenance.units != "shoulder":
        raw = normalise(raw)
    return raw, raw if refined_before(raw) else each_turn(raw, refiner)
