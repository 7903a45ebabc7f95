"""`slt translate` on the rendered test clips of a run, pixels in: content words right, abstentions, speed.

    python -m experiments.translate_check runs/demo [--clips 50]

Runs the real command line on the real video files, in one process, as a user would.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from skeletor.support.config import load_config
from slt.data import layout
from slt.pipeline.config import RunConfig
from slt.score.content import content_accuracy
from slt.score.scores import score
from slt.synthetic.build import content_words


def main() -> None:
    """Print the figures for one run folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--clips", type=int, default=50)
    args = parser.parse_args()
    config = load_config(args.run / "config.json", RunConfig)
    clips = layout.read_corpus(args.run / "corpus").split("test")[: args.clips]
    content = dict(content_words(config.corpus))
    with tempfile.TemporaryDirectory() as out:
        videos = [str(clip.source) for clip in clips]
        command = [sys.executable, "-c", "from slt.cli import main; main()", "translate", *videos]
        done = subprocess.run([*command, "--model", str(args.run / "model"), "-o", out, "-f", "json"], text=True)
        results = {c.name: json.loads((Path(out) / f"{c.name}.json").read_text(encoding="utf-8")) for c in clips}
    texts = [results[c.name]["text"] or "" for c in clips]
    words = content_accuracy(texts, [content[c.name] for c in clips])
    seconds = sum(sum(r["seconds"].values()) for r in results.values())
    signed = sum(r["duration"] for r in results.values())
    print(f"{len(clips)} clips, exit code {done.returncode}, {sum(not t for t in texts)} abstentions")
    print(f"content words right: {words.right} of {words.total} = {words.accuracy:.1f} %")
    print(f"BLEU-4 {score(texts, [c.text for c in clips]).bleu4:.2f} (an abstention counts as empty)")
    print(f"{seconds:.1f} s of work for {signed:.1f} s of video")
    for word, missed, due in words.missed[:12]:
        print(f"  {word}: missed {missed} of {due}")


if __name__ == "__main__":
    main()
