"""Small made-up trees in the layouts of public data sets; no word or picture of those is in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from skeletor.io.formats import read_pose, write_pose
from skeletor.io.skels import write_poses as write_skels
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.video import write_video
from tests.skeletor.io import transcripts
from tests.slt.data.own_sets import write_poses

BLACK = np.zeros((48, 64, 3), np.uint8)


def video(path: Path, frames: int = 50) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, np.repeat(BLACK[None], frames, 0), 25)
    return path


def pictures(folder: Path, pattern: str, frames: int = 6) -> Path:
    folder.mkdir(parents=True)
    for k in range(frames):
        cv2.imwrite(str(folder / pattern.format(k)), BLACK)
    return folder


def openpose(folder: Path, frames: int = 12) -> Path:
    file = write_poses(folder.parent / "made.safetensors", frames)
    write_pose(read_pose(file), folder)
    file.unlink()
    return folder


def table(path: Path, separator: str, *lines: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(separator.join(line) + "\n" for line in lines), encoding="utf-8")
    return path


HOW2SIGN = ("VIDEO_ID", "VIDEO_NAME", "SENTENCE_ID", "SENTENCE_NAME", "START", "START_REALIGNED", "END",
            "END_REALIGNED", "SENTENCE")  # fmt: skip


def how2sign(root: Path) -> Path:
    """One talk in each split: of train the sentences' videos, of val OpenPose's files, of test the whole talk."""
    for split in ("train", "val", "test"):
        talk, lines = f"-x{split}-5-rgb_front", []
        for k in range(2):
            name = f"-x{split}_{k}-5-rgb_front"
            lines.append((f"-x{split}", talk, f"-x{split}_{k}", name, f"{k}.2", f"{k * 0.8:g}", f"{k}.9",
                          f"{k * 0.8 + 0.76:g}", f'He says "{k}", I\'m told.'))  # fmt: skip
            below = root / "sentence_level" / split / "rgb_front"
            if split == "train":
                video(below / "raw_videos" / f"{name}.mp4", 20)
                video(root / "sentence_level" / split / "rgb_side" / "raw_videos" / f"{name}.mp4", 20)
            if split == "val":
                openpose(below / "features" / "openpose_output" / "json" / name)
                video(below / "features" / "openpose_output" / "video" / f"{name}.mp4", 20)
        if split == "test":
            video(root / "video_level" / split / "rgb_front" / "raw_videos" / f"{talk}.mp4")
        text = root / "sentence_level" / split / "text" / "en" / "raw_text"
        table(text / f"how2sign_{split}.csv", "\t", HOW2SIGN, *(line[:-1] + ("unaligned",) for line in lines))
        table(text / "re_aligned" / f"how2sign_realigned_{split}.csv", "\t", HOW2SIGN, *lines)
    return root


def phoenix2014(root: Path, name: str = "phoenix-2014-multisigner", part: str = "") -> Path:
    for split in ("train", "dev", "test"):
        clip = f"01April_2010_Thursday_{split}_default-1"
        pictures(root / name / "features" / "fullFrame-210x260px" / split / clip / "1", "01A_fn{:06d}-0.png")
        table(
            root / name / "annotations" / "manual" / f"{split}{part}.corpus.csv", "|",
            ("id", "folder", "signer", "annotation"),
            (clip, f"{clip}/1/*.png", "Signer04", "ICH OSTERN  WETTER"),
            ("gone-" + split, f"gone-{split}/1/*.png", "Signer05", "WETTER"),
        )  # fmt: skip
    return root


def csl_daily(root: Path) -> Path:
    names = ["S000001_P0000_T00", "S000002_P0003_T00", "S000003_P0003_T01", "S000004_P0001_T00"]
    rows = [
        (str(k), name, "6", "他 明天 去", "他 明 天 去 。", "他 明天 去 。", "r t v w") for k, name in enumerate(names)
    ]
    table(root / "sentence_label" / "video_map.txt", "|",
          ("index", "name", "length", "gloss", "char", "word", "postag"), *rows)  # fmt: skip
    splits = zip(names, ("train", "dev", "test", "train"), strict=True)
    table(root / "sentence_label" / "split_1.txt", "|", ("name", "split"), *splits)
    (root / "sentence_label" / "csl2020ct_v2.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    for name in names[:3]:
        pictures(root / "sentence" / "frames_512x512" / name, "{:06d}.jpg")
    return root


def eaf(path: Path, tiers: Sequence[tuple[str, str, Sequence[tuple[int, int, str]]]], media: str = "") -> Path:
    """An ELAN document. tiers: name, participant, and (start, end in milliseconds, value) of each annotation."""
    spans = [(start, end) for _, _, values in tiers for start, end, _ in values]
    slots = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="ts{2 * k + edge}" TIME_VALUE="{time}"/>'
        for k, span in enumerate(spans)
        for edge, time in enumerate(span)
    )
    body, k = "", 0
    for name, participant, values in tiers:
        inner = ""
        for *_, text in values:
            inner += (
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{k}" TIME_SLOT_REF1="ts{2 * k}" '
                f'TIME_SLOT_REF2="ts{2 * k + 1}"><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>'
                "</ALIGNABLE_ANNOTATION></ANNOTATION>"
            )
            k += 1
        who = f' PARTICIPANT="{participant}"' if participant else ""
        body += f'<TIER LINGUISTIC_TYPE_REF="x" TIER_ID="{name}"{who}>{inner}</TIER>'
    link = f'<MEDIA_DESCRIPTOR MEDIA_URL="file:///elsewhere/{media}" MIME_TYPE="video/mp4"/>' if media else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="" DATE="" FORMAT="3.0" VERSION="3.0">'
        f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{link}</HEADER><TIME_ORDER>{slots}</TIME_ORDER>{body}'
        "</ANNOTATION_DOCUMENT>\n",
        encoding="utf-8",
    )
    return path


def dgs_korpus(root: Path) -> Path:
    """Two conversations: one with an ELAN document, one with subtitles alone."""
    first, second = "1413451-11105600-11163240", "1413485"
    eaf(root / "eaf" / f"{first}.eaf", [
        ("Deutsche_Übersetzung_A", "", [(0, 800, "Ich heiße Anna."), (800, 1600, "")]),
        ("Deutsche_Übersetzung_B", "", [(400, 1200, "Und du?")]),
        ("Translation_into_English_A", "", [(0, 800, "My name is Anna.")]),
        ("Lexem_Gebärde_r_A", "", [(0, 200, "ICH1"), (200, 700, "$NAME zeigen"), (900, 1000, "UND2A*")]),
        ("Lexem_Gebärde_l_A", "", [(210, 690, "$NAME zeigen")]),
    ])  # fmt: skip
    (root / "srt").mkdir()
    (root / "srt" / f"{second}_de.srt").write_text(
        "1\n00:00:00,000 --> 00:00:00,800\nA: Guten Tag.\n\n2\n00:00:00,800 --> 00:00:01,500\nB: Guten\nTag!\n\n"
        "3\n00:00:01,500 --> 00:00:01,800\n(Pause)\n", encoding="utf-8")  # fmt: skip
    for name, views in ((first, ("1a1", "1b1", "1c")), (second, ("1a1",))):
        for view in views:
            video(root / "videos" / name / f"{name}_{view}.mp4")
    return root


def dgs_openpose(root: Path, frames: int = 85) -> Path:
    """The same with the corpus' own OpenPose in place of videos, at 50 fps: the second conversation has no view b1, and
    of the first a frame of A and all behind 60 are not there."""
    dgs_korpus(root)
    for path in root.rglob("*.mp4"):
        path.unlink()
    first, second = "1413451-11105600-11163240", "1413485"
    a = [t for t in range(60) if t != 7]
    cameras = [transcripts.camera("a1", transcripts.frames(a), first),
               transcripts.camera("b1", transcripts.frames(range(frames), 1, 300), first)]  # fmt: skip
    transcripts.write(root / "openpose" / f"{first}_openpose.json.gz", cameras)
    transcripts.write(
        root / "openpose" / f"{second}.openpose.json", [transcripts.camera("a1", transcripts.frames(range(80)), second)]
    )
    return root


def slrtp(root: Path, *, frames: int = 12) -> Path:
    """The challenge's files, a dict of clips each; beside them predictions, which are of no split."""
    import torch

    for split in ("train", "dev", "test"):
        clips = {}
        for k in range(2):
            points = torch.from_numpy(facing(frames + k, 178))
            clips[f"{split}/01April_2010_{split}-{k}"] = {
                "name": f"{split}/01April_2010_{split}-{k}", "text": f"morgen regen {k} .", "gloss": "MORGEN REGEN",
                "speaker": f"Signer0{k}", "poses_3d": points,
            }  # fmt: skip
        root.mkdir(parents=True, exist_ok=True)
        torch.save(clips, root / f"phix_{split}.pt")
    torch.save({"a": torch.from_numpy(facing(3, 178))}, root / "predictions.pt")
    return root


def skels(root: Path, *, frames: int = 12) -> Path:
    """Progressive Transformers' four files a split."""
    for split in ("train", "dev", "test"):
        names = [f"{split}/01April_2010_{split}-{k}" for k in range(2)]
        poses = {name: signer(frames + k) for k, name in enumerate(names)}
        root.mkdir(parents=True, exist_ok=True)
        write_skels(poses, root / f"{split}.skels")
        (root / f"{split}.text").write_text("".join(f"morgen regen {k} .\n" for k in range(2)), encoding="utf-8")
        (root / f"{split}.gloss").write_text("MORGEN REGEN\n" * 2, encoding="utf-8")
    return root


def facing(frames: int, joints: int) -> np.ndarray:
    """(T, J, 3) somebody who faces us, in the challenge's order of joints, y up as its files have it."""
    points = np.zeros((frames, joints, 3), np.float32)
    points[:, :8] = [[-0.5, 0, 0], [-0.6, 0.8, 0.1], [-0.4, 0.9, 0.4], [0.5, 0, 0], [0.6, 0.8, 0.1], [0.4, 0.9, 0.4],
                     [-0.3, 2, 0], [0.3, 2, 0]]  # fmt: skip
    rng = np.random.default_rng(frames)
    points[:, 8:29] = points[:, 2:3] + rng.normal(0, 0.1, (frames, 21, 3))
    points[:, 29:50] = points[:, 5:6] + rng.normal(0, 0.1, (frames, 21, 3))
    return points * np.array([1, -1, 1], np.float32)


def signer(frames: int) -> PoseSequence:
    """Somebody whole, in shoulder widths."""
    rng = np.random.default_rng(frames)
    points = rng.normal(0, 0.3, (frames, 50, 3))
    points[:, 1], points[:, 2], points[:, 5] = 0, (-0.5, 0, 0), (0.5, 0, 0)
    return PoseSequence(points, np.ones((frames, 50)), 25.0, SIGNING_50, Provenance(units="shoulder"))
