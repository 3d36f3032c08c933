"""Films frame by frame: as many, at the same pace, with their sound; nothing half-written."""

from pathlib import Path

import av
import numpy as np
import pytest

from rivals.core.errors import UserError
from rivals.core.types import Tensor
from rivals.media.convert import convert


def film(path: Path, *, frames: int = 6, height: int = 32, width: int = 48, sound: bool = True) -> Path:
    """Frame i is of the level 30 i, its left quarter white; ten a second."""
    with av.open(str(path), "w") as opened:
        painted = opened.add_stream("libx264", rate=10, options={"crf": "5"})
        painted.height, painted.width, painted.pix_fmt = height, width, "yuv420p"
        heard = opened.add_stream("aac", rate=16000, layout="mono") if sound else None
        for index in range(frames):
            pixels = np.full((height, width, 3), 30 * index, np.uint8)
            pixels[:, : width // 4] = 255
            opened.mux(painted.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for index in range(8 if heard else 0):
            wave = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            wave.sample_rate, wave.pts = 16000, 1024 * index
            opened.mux(heard.encode(wave))
        for stream in [painted] + ([heard] if heard else []):
            opened.mux(stream.encode())
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as opened:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in opened.decode(video=0)]


def larger(x: Tensor) -> Tensor:
    return -x.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :-1]


def test_frames_pace_and_sound(tmp_path: Path) -> None:
    written = convert([film(tmp_path / "a.mov")], tmp_path / "out", larger, channels=3)
    assert written == [tmp_path / "out" / "a.mp4"] and len(list((tmp_path / "out").iterdir())) == 1
    made = frames_of(written[0])
    assert len(made) == 6 and made[0].shape == (64, 96, 3), "63 rows are odd, so the last is doubled"
    for index, frame in enumerate(made):
        assert abs(frame[20:40, 50:80].mean() - (255 - 30 * index)) < 8 and frame[20:40, 4:16].mean() < 12
    with av.open(str(written[0])) as opened:
        assert opened.streams.video[0].average_rate == 10 and opened.streams.audio[0].codec_context.name == "aac"


def test_a_silent_film_and_grey_networks(tmp_path: Path) -> None:
    written = convert([film(tmp_path / "a.mp4", sound=False)], tmp_path / "out", lambda x: x[:, :1], channels=1)
    assert [frame.shape for frame in frames_of(written[0])] == [(32, 48, 3)] * 6


def test_what_cannot_be_done_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no film" * 40)
    with pytest.raises(UserError, match=r"bad\.mp4 cannot be read as a film"):
        convert([tmp_path / "bad.mp4"], tmp_path / "out", larger, channels=3)
    assert not (tmp_path / "out").exists()
    good = film(tmp_path / "a.mp4")
    with pytest.raises(UserError, match="targets are for pictures"):
        convert([good], tmp_path / "more", larger, channels=3, compare=tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match="the same name"):
        convert([good, film(tmp_path / "b" / "a.mkv")], tmp_path / "more", larger, channels=3)
    assert not (tmp_path / "more").exists()
