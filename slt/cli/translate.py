"""`slt translate VIDEO...`: from pixels to a sentence."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.files.atomic import write_text
from skeletor.files.paths import output_path
from skeletor.files.suffixes import is_poses
from skeletor.io.people import by_turns, select
from skeletor.lifters.choice import lift_help
from skeletor.poses.key_frames import STRIDE, UPSAMPLINGS
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.registry import REFINERS
from skeletor.refiners2d.registry import REFINERS_2D
from skeletor.support.command import Parser
from skeletor.support.errors import InputError, NothingToTranslate, printable
from skeletor.support.progress import log_to, tell
from slt.cli.engines.command import Work, by_engine
from slt.cli.engines.options import LOCAL, add_engine_options, refuse_options_of_others
from slt.cli.inputs import Input, by_clip, each, find_inputs, output_names, result_path, videos
from slt.cli.long import estimator_options, journal, long_inputs, sparse_options, stored, work_folder
from slt.cli.options import (
    add_hands,
    add_pose_model,
    add_pose_options,
    add_pose_speed,
    pose_files,
    refuse_options_of_poses,
)
from slt.estimators.given import GivenPoses, PoseFiles
from slt.estimators.mediapipe.crowd import ABOUT as PEOPLE_ABOUT
from slt.estimators.mediapipe.crowd import WHO_IS_READ
from slt.estimators.registry import ESTIMATORS

if TYPE_CHECKING:
    from slt.estimators.ahead import Ahead
    from slt.inference.chain import Translation
    from slt.inference.recording import Recording

FORMATS = ("txt", "json", "srt", "vtt", "eaf")


def main(command: str, argv: list[str], text: str) -> int:
    """Translate one or more inputs; gives exit code 0, 2 for bad input, 3 if nobody signs.

    Raises InputError for options that do not fit the inputs.
    """
    args = make_parser(command, text).parse_intermixed_args(argv)
    from slt.estimators.ahead import ahead_of
    from slt.inference.chain import model_folder

    log_to(level=logging.WARNING)
    formats = _formats(args)
    if args.executor != LOCAL and args.output is None:
        raise InputError(f"--executor {args.executor}: needs a folder that all workers see; give one with -o")
    refuse_options_of_others(args)
    inputs = find_inputs(args.inputs)
    refuse_options_of_poses(args, inputs)
    files = _files(args)
    inputs = by_clip(inputs, files, args.clip)
    names = output_names(inputs, args.output, _suffixes(formats)) if args.output else {}
    args.labelled = len(inputs) > 1
    args.model = model_folder(args.model)  # which one is the newest may change until all is done
    if args.executor != LOCAL:
        return _by_engine(command, args, inputs, names)
    config = estimator_options(args)
    long = long_inputs(inputs, files, args.segments, getattr(config, "people", None))
    short = videos([one for one in inputs if one.shown not in long])
    with ahead_of(short, config, args.workers) as ahead:  # begun before the models are loaded
        work = _work(args, files, ahead)
        return each(inputs, lambda one: work(one, names.get(one.shown)), "translate")


def _by_engine(command: str, args: argparse.Namespace, inputs: Sequence[Input], names: Mapping[Path, Path]) -> int:
    with by_engine(command, make_work, args, inputs, names) as told:
        return each(inputs, told, "translate")


def make_work(command: str, args: argparse.Namespace) -> Work:
    """What the command does with an input in this process; InputError for options that cannot be."""
    files = _files(args)
    return Work(_work(args, files), _suffixes(_formats(args)), lambda inputs: by_clip(inputs, files, args.clip))


def _files(args: argparse.Namespace) -> PoseFiles:
    """How files of poses are read: of several people those who sign in turns, unless it is one sentence."""
    return pose_files(args, select if args.segments == "none" else by_turns)


def make_parser(command: str, text: str = "") -> argparse.ArgumentParser:
    """The parser of `slt translate`; every default that the help names is the real one."""
    parser = Parser(f"slt {command}", description=text)
    about = "videos, folders of frames, files of 2D or 3D poses, folders of OpenPose's JSON; all clips of a file"
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help=about)
    parser.add_argument(
        "--model",
        type=Path,
        help="model folder; default: the newest trained one, or else the one that comes with the package",
    )
    parser.add_argument("-o", "--output", type=output_path, help="folder for the results; default: only print")
    parser.add_argument("-f", "--formats", help=f"of the results, any of {','.join(FORMATS)}; default: {FORMATS[0]}")
    parser.add_argument(
        "--segments",
        choices=("auto", "rule", "network", "none"),
        help="auto: cut each input where nobody signs, a sentence for each segment, by what the model folder says: the "
        "rule, or the network that learned from the rendered signer; none: an input is one sentence; default: "
        "auto for inputs longer than the model's longest clip",
    )
    parser.add_argument("--refine2d", choices=REFINERS_2D.names(), help="before lifting; default: the model's")
    parser.add_argument("--lift", metavar="NAME", help=f"default: the model's; {lift_help()}")
    parser.add_argument("--refine", choices=REFINERS.names(), help="default: the model's")
    parser.add_argument("--estimator", help=f"default: the model's; {', '.join(ESTIMATORS)}, see `slt doctor`")
    parser.add_argument("--pose-stride", type=int, help="2D on every N-th frame only (faster); default: the model's")
    add_pose_speed(parser, "default: the model's")
    add_pose_model(parser, "default: the model's")
    add_hands(parser, "default: the model's")
    parser.add_argument("--people", choices=WHO_IS_READ, help=f"of videos; {PEOPLE_ABOUT}; default: the model's")
    parser.add_argument("--upsample", choices=UPSAMPLINGS, help="how all frames come from those; default: the model's")
    workers = "processes for 2D poses, Slurm tasks, Ray actors at a time; default: one a core, of processes at most 8 "
    parser.add_argument("--workers", type=int, help=f"{workers}(0: none)")
    parser.add_argument("--glosses", action="store_true", help="print the recognised glosses too (preset ctc)")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N; default: %(default)s, a GPU if there is one"
    )
    add_pose_options(parser)
    add_engine_options(parser)
    return parser


def _formats(args: argparse.Namespace) -> list[str]:
    if args.formats is None:
        return [FORMATS[0]]
    if args.output is None:
        raise InputError(f"--formats {args.formats}: nothing is written without a folder; give one with -o")
    formats = [name.strip() for name in args.formats.split(",")]
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"--formats {args.formats}: {unknown[0]!r} is none of {', '.join(FORMATS)}")
    return formats


def _suffixes(formats: Sequence[str]) -> list[str]:
    return [f".{name}" for name in formats]


def _work(
    args: argparse.Namespace, files: PoseFiles, ahead: Ahead | None = None
) -> Callable[[Input, Path | None], None]:
    """What is done with an input, by the models that this loads: it is translated, printed, and written if there is a
    path for it. ahead: has the poses of some inputs. InputError for options that the model cannot do.
    """
    from slt.inference.chain import load_chain
    from slt.inference.recording import translate_recording

    sparse = sparse_options(args)
    chain = load_chain(args.model, args.refine, args.estimator, args.device, args.refine2d, args.lift, sparse, args.fps)
    if args.glosses and not chain.model.translator.recognised:
        raise InputError(f"{chain.model.path}: recognises no glosses; train it with translate: {{preset: ctc}}")

    stride = int(chain.estimator.options.get(STRIDE, 1))
    given = GivenPoses(files, stride)
    formats = _formats(args)

    def poses(one: Input) -> Callable[[Path], PoseSequence] | None:
        """What gives the poses of an input; None: the chain's own estimator, in this process."""
        if is_poses(one.file):
            return lambda path: given(path, one.clip)
        return ahead if ahead is not None and one.file in ahead else None

    def translated(one: Input, base: Path | None, written: list[Path]) -> Translation | Recording:
        def write(result: Translation | Recording) -> Translation | Recording:
            for warning in result.warnings:
                tell(printable(f"{one.shown}: warning: {warning}"))
            if base is not None:
                media = None if is_poses(one.file) or not one.file.is_file() else one.file
                written.extend(write_results(result, base, formats, media))
            return result

        long = bool(long_inputs([one], files, args.segments, chain.estimator.options.get("people")))
        if long and not (is_poses(one.file) and stride > 1):  # frames are dropped from whole files only
            with work_folder(base) as folder:
                raw = stored(one, args, files, folder)
                kept = journal(chain, raw, args, folder)
                return write(translate_recording(chain, one.file, lambda _: raw, args.segments, journal=kept))
        return write(translate_recording(chain, one.file, poses(one), args.segments))

    def work(one: Input, base: Path | None) -> None:
        _clear(one, base, formats)
        written: list[Path] = []
        result = translated(one, base, written)
        if result.text is None:
            why = "".join(f"; {path} is written" for path in written)
            raise NothingToTranslate(f"{one.shown}: not translated: {result.reason}{why}")
        for line in _lines(result, args.glosses):
            print(printable(f"{one.shown}: {line}" if args.labelled and not line.startswith(" ") else line))
        for path in written:
            print(printable(str(path)))

    return work


def _clear(one: Input, base: Path | None, formats: Sequence[str]) -> None:
    """What an earlier run made of an input is gone before the work begins; a warning of what is not asked for."""
    if base is None:
        return
    for name in formats:
        result_path(base, f".{name}").unlink(missing_ok=True)
    for old in (result_path(base, f".{name}") for name in FORMATS if name not in formats):
        if old.exists():
            left = f"{one.shown}: warning: {old} is of an earlier run, or not ours; it is left"
            tell(printable(left))


def _lines(result: Translation | Recording, glosses: bool) -> Iterator[str]:
    """What is printed: the sentence, or a label above the likeliest ones; of a recording each one behind its times.

    Below each stand its glosses, if wanted.
    """
    from slt.inference.recording import Recording
    from slt.segment.written.subtitles import clock

    told = "  glosses: {}".format
    if not isinstance(result, Recording):
        yield str(result.text)
        yield from result.guesses()
        if glosses:
            yield told(" ".join(result.glosses or ()))
        return
    for part, cue in zip(result.sentences, result.cues(), strict=True):
        who = "" if part.signer is None else f"signer {part.signer}: "
        yield f"{clock(round(cue.start_s * 1000))} - {clock(round(cue.end_s * 1000))}  {who}{cue.shown}"
        yield from part.guesses()
        if glosses:
            yield told(" ".join(part.glosses or ()))


def write_results(
    result: Translation | Recording, base: Path, formats: Sequence[str], media: Path | None = None
) -> list[Path]:
    """Write a translation to `base` + suffix of each format (of `FORMATS`), an abstention as JSON only.

    Gives the files. media: the video, which the annotation of ELAN is linked to.
    """
    from slt.inference.recording import Recording
    from slt.segment.written.eaf import eaf
    from slt.segment.written.subtitles import srt, txt, vtt

    cues = result.cues()
    guesses = "" if isinstance(result, Recording) else "".join(f"{line}\n" for line in result.guesses())
    makers: dict[str, Callable[[], str]] = {
        "txt": lambda: txt(cues) + guesses,
        "json": result.json,
        "srt": lambda: srt(cues),
        "vtt": lambda: vtt(cues),
        "eaf": lambda: eaf(cues, media, base.parent),
    }
    made = {name: makers[name]() for name in formats if name == "json" or result.text is not None}
    for name, text in made.items():  # all are made before the first is written
        write_text(result_path(base, f".{name}"), text)
    return [result_path(base, f".{name}") for name in made]
