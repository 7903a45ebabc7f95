"""The README's picture: raw and refined skeleton beside the video, where the detector loses a hand for longest.

python -m experiments.pages.picture runs/demo docs/raw_and_refined.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from skeletor.io.store import open_store
from skeletor.poses.normalise import denormalise
from skeletor.poses.pose import PoseSequence
from slt.inference.view import make_still
from slt.synthetic.build import video_path


def main() -> None:
    """Pick the test clip and frames by the rule above, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()
    raw = open_store(args.run / "estimated" / "test")
    rows = [args.run / "refined" / name / "test" for name in ("skeletor-motion", "skeletor")]
    refined = open_store(next((row for row in rows if row.is_dir()), rows[-1]))
    names = sorted(set(raw) & set(refined))
    name, start = max(((n, *longest_gap(raw[n])) for n in names), key=lambda item: item[2])[:2]
    frames = [max(0, start - 2), start + 1, start + 3, min(len(raw[name]) - 1, start + 6)]
    video = video_path(args.run / "corpus", "test", name)
    make_still(raw[name], denormalise(refined[name]), args.picture, video=video, frames=frames)
    print(f"{args.picture}: clip {name}, frames {frames}")


def longest_gap(pose: PoseSequence) -> tuple[int, int]:
    """(first frame, length) of the longest run in which the moving right hand is lost while its wrist is seen."""
    lost = np.asarray(pose.missing)[:, 29:50].all(1) & ~np.asarray(pose.missing)[:, 4]
    edges = np.diff(np.concatenate([[0], lost.astype(int), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest] - starts[longest])


if __name__ == "__main__":
    main()
