"""Videos in and out: upright RGB frames on a constant grid of time.

Reading is by PyAV (its bundled FFmpeg, whose own messages it keeps silent). A directory of PNG, JPEG, BMP or WebP
frames, as PHOENIX14T has them, reads like a video; so does an animated WebP.

- The decoder decides which frames there are; a header's counts are hints (`scan`).
- Rotation and mirroring stored in the file (phones do that) are applied; so is a pixel aspect ratio. Interlaced frames
  are deinterlaced. Pictures that change their size in the middle are shown whole within the first size.
- Frames are put on a constant grid by their timestamps (`clock`): a gap repeats the frame before, of two frames
  in one place the later one stays. So frame `t` of what comes out is the picture at `t / fps` seconds.
- Of a part (`Span`) only that part is decoded, from the key frame before it, in MP4, MOV, Matroska and WebM with sound
  stamps; of other files what lies before is decoded too, but no pictures are made of it. The frames are the same.
- A file that breaks off is an error, not a short video, if more than a tenth of the frames that it promises is missing;
  if less is, or if nothing says how much, the log says so. Single damaged frames are bridged.
- One file is read and no other; pictures that are too large are refused before they are decoded.
"""

from __future__ import annotations

from pathlib import Path

from skeletor.poses.span import Span
from skeletor.support.errors import InputError
from slt.video.animation import AnimatedWebP, is_webp
from slt.video.base import DEFAULT_FPS, Video, check_regular
from slt.video.clock import frame_rate
from slt.video.folder import FrameFolder, frame_files
from slt.video.part import Part
from slt.video.picture import turn
from slt.video.video_file import VideoFile
from slt.video.write import write_video

__all__ = [
    "DEFAULT_FPS",
    "Span",
    "Video",
    "check_regular",
    "frame_files",
    "frame_rate",
    "open_video",
    "turn",
    "write_video",
]


def open_video(path: Path | str, fps: float | None = None, span: Span | None = None) -> Video:
    """Open a video file, or a directory of frames, each a picture (sorted by the numbers in their names).

    fps: frame rate of a directory; None: 25, which a warning tells when its frames are read. It may not be given for a
    file, which has its own. span: only that part of it, as a video of its own.
    Raises InputError, one line, if there is nothing at `path`, or no readable video, or if the part is not within it.
    """
    path = Path(path)
    try:
        folder = path.is_dir()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if fps is not None and not folder and path.exists():
        raise InputError(f"{path}: a video file has its own frame rate; fps is for directories of frames")
    if folder:
        video: Video = FrameFolder(path, fps)
    else:
        check_regular(path)
        video = AnimatedWebP(path) if is_webp(path) else VideoFile(path)
    return video if span is None else Part(video, span)
