"""Videos in and out: upright RGB frames on a constant grid of time.

Reading is by PyAV (its bundled FFmpeg, whose own messages it keeps silent). A directory of PNG or JPEG
frames, as PHOENIX14T has them, reads like a video.

- The decoder decides which frames there are; a header's counts are hints (`scan`).
- Rotation and mirroring stored in the file (phones do that) are applied; so is a pixel aspect ratio. Interlaced frames
  are deinterlaced. Pictures that change their size in the middle are shown whole within the first size.
- Frames are put on a constant grid by their timestamps (`clock`): a gap repeats the frame before, of two frames
  in one place the later one stays. So frame `t` of what comes out is the picture at `t / fps` seconds.
- A file that breaks off is an error, not a short video, if more than a tenth of the frames that it promises is missing;
  if less is, or if nothing says how much, the log says so. Single damaged frames are bridged.
- One file is read and no other; pictures that are too large are refused before they are decoded.
"""

from __future__ import annotations

from pathlib import Path

from skeletor.support.errors import InputError
from slt.video.base import DEFAULT_FPS, Video, check_regular
from slt.video.clock import frame_rate
from slt.video.folder import FrameFolder, frame_files
from slt.video.picture import turn
from slt.video.video_file import VideoFile
from slt.video.write import write_video

__all__ = [
    "DEFAULT_FPS",
    "Video",
    "check_regular",
    "frame_files",
    "frame_rate",
    "open_video",
    "turn",
    "write_video",
]


def open_video(path: Path | str, fps: float | None = None) -> Video:
    """Open a video file, or a directory of PNG or JPEG frames (sorted by the numbers in their names).

    fps: frame rate of a directory, default 25; it may not be given for a file, which has its own.
    Raises InputError, one line, if there is nothing at `path`, or no readable video.
    """
    path = Path(path)
    try:
        folder = path.is_dir()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if folder:
        return FrameFolder(path, DEFAULT_FPS if fps is None else fps)
    if fps is not None and path.exists():
        raise InputError(f"{path}: a video file has its own frame rate; fps is for directories of frames")
    return VideoFile(path)
