"""The `skeletor` command: refine files of poses, train a refiner, compare poses with the truth."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skeletor.files.outside import FPS_RANGE
from skeletor.files.paths import input_path, output_path
from skeletor.files.plain_json import to_json
from skeletor.support.command import Parser, run_command
from skeletor.support.errors import InputError, NothingToTranslate
from skeletor.support.progress import shown, tell
from skeletor.support.version import version

if TYPE_CHECKING:
    from skeletor.io.rates import RateTeller
    from skeletor.poses.pose import PoseSequence
    from skeletor.refiners.registry import Refiner

SAME_RATE = 0.01  # share by which the frame rates of clips that are compared may differ
_UNTOLD = "unknown"
_LENGTHS = {"pixel": "pixels", "shoulder": "shoulder widths", "metre": "metres", _UNTOLD: "the unit of the files"}

# Small models on few cores: waiting threads must sleep, not spin.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code: 0, 1 (a defect), 2 (bad input), 3 (nobody is seen), 130 (interrupted)."""
    given = sys.argv[1:] if argv is None else argv

    def run() -> int:
        arguments = make_parser().parse_args(given)
        return int(arguments.run(arguments) or 0)

    return run_command(run, "skeletor", "--debug" in given)


def make_parser() -> argparse.ArgumentParser:
    """The options of all subcommands. What the help says to be a default is the default."""
    parser = Parser("skeletor", description="Repair noisy skeletons.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument("--version", action="version", version=f"skeletor {version()}", help="print the version")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_refine(commands)
    pack = commands.add_parser("pack", help="pack files of good poses for training at scale (half precision, on disk)")
    pack.add_argument("inputs", nargs="+", help="files of poses, or folders of .safetensors files")
    pack.add_argument(
        "-o", "--output", type=output_path, required=True, help="folder for the store; name it as data: of a training"
    )
    pack.add_argument("--fps", type=float, help="resample all clips to this frame rate (default: the first clip's)")
    pack.add_argument("--degraded", nargs="+", default=[], help="files of worse versions, by the same clip names")
    pack.set_defaults(run=_pack)

    fit = commands.add_parser("fit-noise", help="measure a detector's gaps and jitter on poses that it made")
    fit.add_argument(
        "inputs", nargs="+", help="files of poses, or folders of .safetensors or .pose files; 2D or lifted"
    )
    fit.add_argument(
        "-o", "--output", type=output_path, required=True, help="JSON file; name it as noise: of a training"
    )
    fit.add_argument("--fps", type=float, default=25.0, help="count gaps at this frame rate; default: %(default)s")
    fit.set_defaults(run=_fit_noise)

    train = commands.add_parser("train", help="train a refiner on files of good poses")
    train.add_argument("config", help="YAML file with data, out, seed, device, train")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="errors of poses against true poses of the same clips")
    evaluate.add_argument("predicted", help="file of poses")
    evaluate.add_argument("truth", help="file of poses with the same clips")
    evaluate.add_argument(
        "--pck", type=float, default=0.15, help="radius of PCK in the units of the poses; default: %(default)s"
    )
    _add_reading(evaluate, clip=True)
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    evaluate.set_defaults(run=_evaluate)
    return parser


def _add_refine(commands: Any) -> None:
    """The options of `refine`. What the help says to be a default is the default."""
    from skeletor.io.mediapipe_file import LAYOUT_HELP, LAYOUTS
    from skeletor.lifters.anonymise import HELP as ANONYMISE_HELP
    from skeletor.refiners.registry import REFINERS, smoother_names
    from skeletor.refiners.smoothers.smooth import NO_CARRIED

    networks = REFINERS.names(weighted=True)
    refine = commands.add_parser("refine", help="repair the poses of a file")
    takes = "poses (.safetensors, .pose, .skels, .h5, .pt, .npy, .npz, .json, .csv) or a folder of JSON; all clips"
    refine.add_argument("input", help=takes)
    refine.add_argument(
        "-o", "--output", type=output_path,
        help="a file (.safetensors, .skels; .pose); default: INPUT.refined.safetensors",
    )  # fmt: skip
    refine.add_argument("--weights", help="of a trained refiner (.safetensors); default: Skeletor's of the package")
    refine.add_argument(
        "--refiner",
        choices=[*smoother_names(), *networks],
        help="default: skeletor; a baseline that needs no weights, or"
        f" with --weights what they are of: {' or '.join(networks)}",
    )
    refine.add_argument("--no-carried", action="store_true", help=NO_CARRIED)
    refine.add_argument("--radius", type=int, help="averaging radius of the network refiner")
    refine.add_argument("--stride", type=int, help="compute every N-th window only (1: the paper, slow)")
    refine.add_argument(
        "--absent", choices=("missing", "filled"),
        help="hands that are down or out of the picture, where the file does not tell: left missing, or filled; "
        "default: missing, with --stream filled",
    )  # fmt: skip
    refine.add_argument("--anonymise", action="store_true", help=f"3D: {ANONYMISE_HELP}")
    refine.add_argument("--layout", choices=LAYOUTS, help=LAYOUT_HELP)
    _add_reading(refine, clip=True)
    refine.add_argument("--device", default="auto", help="cpu, cuda or auto; default: %(default)s")
    refine.add_argument(
        "--stream",
        action="store_true",
        help="read, refine and write .safetensors files piece by piece, with the result of --absent filled: for long "
        "recordings",
    )
    refine.set_defaults(run=_refine)


def _add_reading(parser: argparse.ArgumentParser, clip: bool) -> None:
    """How files of poses are to be read."""
    parser.add_argument("--fps", type=float, help="frame rate, if a file does not tell or is wrong")
    parser.add_argument("--skeleton", metavar="NAME", help="layout of the points of files that do not tell theirs")
    parser.add_argument(
        "--size", metavar="WxH", help="of the picture, for points (.npy, .npz, .json, .csv) in shares of it: 640x480"
    )
    if clip:
        parser.add_argument("--clip", metavar="NAME", help="of files that hold several clips, this one only")


def _read(path: Path, arguments: argparse.Namespace, rates: RateTeller | None = None) -> dict[str, PoseSequence]:
    """The clips of a file that are asked for; InputError if there is none. rates: of several files, one for all."""
    from skeletor.io.formats import read_poses
    from skeletor.io.rates import RateTeller
    from skeletor.io.read_only.arrays import picture_size

    size = None if arguments.size is None else picture_size(arguments.size)
    poses = dict((rates or RateTeller()).each(read_poses(path, arguments.fps, arguments.skeleton, size), path))
    if not poses:
        raise InputError(f"{path}: holds no clips")
    if arguments.clip is None:
        return poses
    if arguments.clip not in poses:
        some = ", ".join(list(poses)[:5]) + (", ..." if len(poses) > 5 else "")
        raise InputError(f"{path}: holds {len(poses)} clips, none is called {arguments.clip!r}: {some}")
    return {arguments.clip: poses[arguments.clip]}


def _default_target(source: Path) -> Path:
    """INPUT.refined.safetensors, beside the input; a folder's name is taken whole."""
    whole = source if source.name not in ("", "..") else source.resolve()
    name = whole.name if source.is_dir() else whole.stem
    if not name:
        raise InputError(f"{source}: has no name to call the result by; choose an --output")
    return whole.with_name(f"{name}.refined.safetensors")


def _refine(arguments: argparse.Namespace) -> int:
    from skeletor.io.mediapipe_file import check_layout, write_in_layout
    from skeletor.poses.turns import each_turn, turns_of
    from skeletor.repair import Repair

    source = input_path(arguments.input)
    target = arguments.output or _default_target(source)
    if target.resolve() == source.resolve() or (target.exists() and source.exists() and target.samefile(source)):
        raise InputError(f"{target}: is the input itself; choose another --output")
    _check_kind(target)
    check_layout(arguments.layout, target.suffix)
    refiner = _build(arguments)
    if arguments.stream:
        if arguments.clip or arguments.skeleton or arguments.size:
            raise InputError("--stream refines all clips of a .safetensors file; leave out --clip, --skeleton, --size")
        if arguments.absent == "missing":
            raise InputError("--stream does not look ahead for hands that are absent; leave out --absent missing")
        if arguments.anonymise:
            raise InputError("--anonymise looks at the whole clip; leave out --stream")
        return _stream(source, target, refiner, arguments.fps)
    poses = _read(source, arguments)
    _check_holds(target, poses)
    repair = Repair(refiner, arguments.absent or "missing")
    there = {name: clip for name, clip in poses.items() if not clip.missing.all()}  # others have nothing to repair
    several = any(map(turns_of, there.values()))  # people in turns, who are not to be mixed
    with shown():
        made = [each_turn(pose, repair) for pose in there.values()] if several else repair.many(list(there.values()))
    done = dict(zip(there, made, strict=True))
    refined = [done.get(name, clip) for name, clip in poses.items()]
    if arguments.anonymise:
        from skeletor.lifters.anonymise import anonymise
        from skeletor.poses.skeleton import SIGNING_50

        refined = [anonymise(pose.to_skeleton(SIGNING_50)) for pose in refined]
    write_in_layout(dict(zip(poses, refined, strict=True)), target, arguments.layout)
    frames = sum(len(pose) for pose in refined)
    print(f"{target}: {len(refined)} clips, {frames} frames, refined with {refiner.name} {refiner.version}")
    if not there:
        raise NothingToTranslate(f"{source}: nobody is seen in any of its frames; {target} is written, empty")
    if len(there) < len(poses):
        alone = f"nobody is seen in {len(poses) - len(there)} of its {len(poses)} clips; they stay empty"
        tell(f"{source}: warning: {alone}")
    return 0


def _stream(source: Path, target: Path, refiner: Refiner, fps: float | None) -> int:
    from skeletor.refiners.inference.stream_file import refine_file
    from skeletor.refiners.inference.windowed import SkeletorRefiner

    if not isinstance(refiner, SkeletorRefiner):
        raise InputError(f"--stream is for trained refiners (--weights FILE); {refiner.name} looks at the whole clip")
    done = refine_file(source, target, refiner, fps)
    name = f"{refiner.name} {refiner.version}"
    print(f"{target}: {done.clips} clips, {done.frames} frames, refined with {name}, {done.delay} frames behind")
    return 0


def _build(arguments: argparse.Namespace) -> Refiner:
    """The refiner that is asked for."""
    from skeletor.refiners.registry import REFINERS, smoother_names
    from skeletor.refiners.smoothers.smooth import not_carried
    from skeletor.refiners.trained import SHIPPED

    name = arguments.refiner or "skeletor"
    if name == "skeletor" and not arguments.weights:
        arguments.weights = str(SHIPPED)
    if REFINERS[name].weighted != bool(arguments.weights):
        raise InputError(f"give either --weights FILE (a trained refiner) or --refiner {'|'.join(smoother_names())}")
    raw: dict[str, Any] = {"name": name} | (not_carried(name) if arguments.no_carried else {})
    raw |= {k: getattr(arguments, k) for k in ("weights", "radius", "stride") if getattr(arguments, k) is not None}
    if "device" in REFINERS[name].options.model_fields:  # smoothers have no use for one, and bear it
        raw["device"] = arguments.device
    return REFINERS.build(REFINERS.check(raw, "command line"))


def _check_kind(target: Path) -> None:
    """InputError if no poses are written into files of that kind: before anything is read."""
    if target.suffix.lower() not in (".safetensors", ".skels", ".pose", ""):
        raise InputError(f"{target}: poses are not written as {target.suffix}; write .safetensors, .skels or .pose")


def _check_holds(target: Path, poses: Mapping[str, PoseSequence]) -> None:
    """InputError if a file of that kind cannot hold these clips: before they are refined."""
    kind = target.suffix.lower()
    if kind not in (".safetensors", ".skels") and len(poses) > 1:
        raise InputError(f"{target}: {len(poses)} clips only go into .safetensors or .skels; or give --clip NAME")
    flat = next((name for name, pose in poses.items() if pose.dims == 2), None)
    if kind == ".skels" and flat is not None:
        raise InputError(f"{target}: .skels files hold 3D poses, clip {flat!r} is 2D; write .safetensors")


def _pack(arguments: argparse.Namespace) -> int:
    from skeletor.learning.data.pack import pack
    from skeletor.support.progress import log_to

    log_to()
    if arguments.fps is not None:
        _check_fps(arguments.fps)
    packed = pack(_each_once(arguments.inputs), arguments.output, arguments.fps, arguments.degraded)
    each = packed.bytes / packed.frames
    print(f"{packed.folder}: {packed.clips} clips, {packed.frames} frames, {packed.bytes} bytes, {each:.1f} a frame")
    return 0


def _fit_noise(arguments: argparse.Namespace) -> int:
    from skeletor.files.atomic import write_text
    from skeletor.learning.fit_noise import fit_noise, read_clips

    _check_fps(arguments.fps)
    if arguments.output.suffix.lower() != ".json":  # not over poses
        raise InputError(f"{arguments.output}: noise is written as JSON; give a name that ends with .json")
    paths = [input_path(text) for text in _each_once(arguments.inputs)]
    noise = fit_noise(read_clips(paths, arguments.fps), arguments.fps)
    write_text(arguments.output, to_json(noise.model_dump(), 1) + "\n")
    print(
        f"{arguments.output}: {noise.frames} frames, {sum(noise.hand_gaps)} gaps of a hand, jitter of hands "
        f"{noise.hand_jitter:.4f}, of the body {noise.body_jitter:.4f} shoulder widths"
    )
    return 0


def _each_once(texts: Sequence[str]) -> list[str]:
    """The inputs in their order; one that is named twice counts once."""
    return list({os.path.abspath(text): text for text in texts}.values())


def _check_fps(fps: float) -> None:
    low, high = FPS_RANGE
    if not low <= fps <= high:
        raise InputError(f"--fps {fps:g}: expected {low:g} to {high:g} frames a second")


def _train(arguments: argparse.Namespace) -> int:
    from skeletor.files.lock import locked
    from skeletor.refiners.training.job import TrainJob, run_job
    from skeletor.support.config import load_config
    from skeletor.support.devices import process_rank
    from skeletor.support.progress import log_to

    log_to()
    job = load_config(arguments.config, TrainJob)
    with locked(job.out) if process_rank() == 0 else nullcontext():  # the others of a training by torchrun are its own
        result = run_job(job)
    if process_rank() == 0:
        print(result.weights)
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from skeletor.poses.metrics import pose_errors

    if not 0 < arguments.pck < math.inf:
        raise InputError(f"--pck {arguments.pck:g}: give a radius above 0, in the units of the poses")
    pairs = [(one.to_skeleton(other.skeleton), other) for one, other in _pairs(arguments)]
    unit = _unit(arguments, pairs)
    errors = pose_errors([p for p, _ in pairs], [t for _, t in pairs], arguments.pck)
    if arguments.json:
        print(to_json({**errors.as_dict(), "units": unit}, 2))
    else:
        print(f"{len(pairs)} clips, lengths in {_LENGTHS[unit]}: {errors.line()}")
    if not errors.mpjpe:
        raise NothingToTranslate(f"{arguments.predicted}: no joint is there and in the truth; nothing was measured")
    return 0


def _unit(arguments: argparse.Namespace, pairs: Sequence[tuple[PoseSequence, PoseSequence]]) -> str:
    """The unit of all clips, as their provenance says; InputError if there are several."""
    units = sorted({pose.provenance.units for pair in pairs for pose in pair} - {_UNTOLD}) or [_UNTOLD]
    if len(units) > 1:
        several = " and ".join(_LENGTHS[unit] for unit in units)
        raise InputError(f"{arguments.predicted}: lengths in {several} cannot be compared; lift or normalise all alike")
    return units[0]


def _pairs(arguments: argparse.Namespace) -> list[tuple[PoseSequence, PoseSequence]]:
    """Predicted and true clips of one name. What has no other half is told on stderr, and not measured."""
    from skeletor.io.rates import RateTeller

    rates = RateTeller()
    predicted, truth = (_read(input_path(text), arguments, rates) for text in (arguments.predicted, arguments.truth))
    names = {name: name for name in truth if name in predicted}
    if len(predicted) == len(truth) == 1:
        names = {next(iter(truth)): next(iter(predicted))}
    if not names:
        raise InputError(f"{arguments.predicted}: no clip has the name of one in {arguments.truth}")
    halves = ((arguments.truth, truth, names), (arguments.predicted, predicted, names.values()))
    for file, clips, found in halves:
        alone = [name for name in clips if name not in found]
        if alone:
            lacks = f"{len(alone)} of its {len(clips)} clips are not in the other file, as {alone[0]}"
            tell(f"{file}: warning: {lacks}; they are not measured")
    pairs = [(predicted[other], truth[name]) for name, other in names.items()]
    for name, (one, other) in zip(names, pairs, strict=True):
        _check_pair(f"{arguments.predicted}: clip {name}", one, other)
    return pairs


def _check_pair(shown: str, one: PoseSequence, truth: PoseSequence) -> None:
    """Raises InputError if frames or points of two clips cannot be laid on each other."""
    if one.dims != truth.dims:
        raise InputError(f"{shown}: {one.dims}D, the truth is {truth.dims}D; give poses of one stage")
    if len(one) != len(truth):
        raise InputError(f"{shown}: {len(one)} frames, the truth has {len(truth)}; give both the same frames")
    if abs(one.fps - truth.fps) > SAME_RATE * truth.fps:
        rates = f"{one.fps:g} frames a second, the truth has {truth.fps:g}"
        raise InputError(f"{shown}: {rates}; resample it, or give --fps where a file is wrong")


if __name__ == "__main__":
    sys.exit(main())
