"""Video: each frame of a film through a change of its pixels, one at a time, at the film's own pace, with its sound.

The result is an .mp4 (H.264, quality 18 of x264's scale); where a side is odd, which 4:2:0 cannot hold, its last line is doubled.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rivals.core.errors import UserError

ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")


def is_video(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS and file.is_file()


def check(file: Path) -> None:
    """Raises UserError where the file is no film that can be read, or has no pictures."""
    import av

    try:
        with av.open(str(file)) as source:
            if not source.streams.video:
                raise UserError(f"{file} has no pictures: give a film")
    except av.error.FFmpegError as error:
        raise UserError(f"{file} cannot be read as a film: {error.strerror}") from None


def convert_video(file: Path, out: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Writes `out`, in place only when whole; change: a frame (h, w, 3) uint8 -> (h', w', 3) uint8, of one size for all.

    Raises UserError where the film breaks off.
    """
    import av

    begun = out.with_name(f".{out.name}")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with av.open(str(file)) as source, av.open(str(begun), "w", format="mp4") as target:
            _copy(source, target, change)
        begun.replace(out)
    except av.error.FFmpegError as error:
        raise UserError(f"{file} cannot be read as a film: {error.strerror}") from None
    finally:
        begun.unlink(missing_ok=True)
    return out


def _copy(source: Any, target: Any, change: Callable[[np.ndarray], np.ndarray]) -> None:
    film, painted, early = source.streams.video[0], None, []
    sounds = {each: target.add_stream_from_template(each) for each in source.streams.audio[:1] if _fits(each)}
    for packet in source.demux(film, *sounds):
        if packet.stream is not film:
            if packet.dts is not None:
                packet.stream = sounds[packet.stream]
                early.append(packet)
        else:
            for frame in packet.decode():
                made = _changed(frame, change)
                painted = painted or _begun(target, film, made.height, made.width)
                target.mux(painted.encode(made))
        if painted is not None:  # the file's head is written by the first packet, and names all streams
            target.mux(early)
            early = []
    if painted is not None:
        target.mux(painted.encode())


def _begun(target: Any, film: Any, height: int, width: int) -> Any:
    painted = target.add_stream("libx264", rate=film.average_rate or 25, options={"crf": "18"})
    painted.height, painted.width, painted.pix_fmt, painted.time_base = height, width, "yuv420p", film.time_base
    return painted


def _changed(frame: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    import av

    upright = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
    made = change(np.ascontiguousarray(upright))
    even = np.pad(made, ((0, made.shape[0] % 2), (0, made.shape[1] % 2), (0, 0)), mode="edge")
    shown = av.VideoFrame.from_ndarray(even, format="rgb24")
    shown.pts, shown.time_base = frame.pts, frame.time_base
    return shown


def _fits(sound: Any) -> bool:
    """Whether an .mp4 can hold the sound as it is."""
    return sound.codec_context.name in ("aac", "mp3", "mp3float", "ac3", "opus", "libopus", "flac", "alac")
