"""A .zip of pictures, read member by member into memory: nothing is extracted, so no name can lead outside.

Members are read from where the central directory says, each at most as long as it declares, by `zlib` alone: no state is
kept between two reads, so threads and loader processes may share a reader. (APPNOTE.TXT 6.3.10, PKWARE.)
"""

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from rivals.core.errors import UserError
from rivals.media.decode import Unreadable
from rivals.media.source import LARGEST, Encoded, files

RATIO, RATIO_FROM = 200, 1 << 24
"""A member that declares more than 16 MiB and more than 200 times its packed bytes is a bomb; pictures hardly shrink."""


@dataclass(frozen=True)
class Member:
    """Where a member's local header starts, how it is packed, and what the central directory declares of it."""

    start: int
    method: int
    packed: int
    size: int
    crc: int


@dataclass(frozen=True)
class Reader:
    """name -> bytes of one member; raises Unreadable."""

    path: Path
    members: dict[str, Member]

    def __call__(self, name: str) -> bytes:
        member = self.members[name]
        if member.size > LARGEST:
            raise Unreadable(f"a file of more than {LARGEST >> 20} MiB")
        try:
            with self.path.open("rb") as file:
                file.seek(member.start)
                head = file.read(30)
                if len(head) < 30 or not head.startswith(b"PK\3\4"):
                    raise Unreadable("the archive is damaged here")
                file.seek(sum(struct.unpack("<HH", head[26:30])), 1)  # the lengths of its name and extra field
                packed = file.read(member.packed)
            content = (
                packed if member.method == zipfile.ZIP_STORED else zlib.decompressobj(-15).decompress(packed, member.size + 1)
            )
        except (OSError, zlib.error):
            raise Unreadable("the archive is damaged here") from None
        if len(content) != member.size or zlib.crc32(content) != member.crc:
            raise Unreadable("the archive is damaged here (its check sum differs)")
        return content


def archive(path: Path) -> Encoded:
    """The pictures of a .zip; raises UserError for one that is cut short, or whose names or sizes are an attack."""
    try:
        with zipfile.ZipFile(path) as file:
            listed = file.infolist()
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, struct.error):
        raise UserError(f"{path} is no whole .zip: it is cut short or damaged; pack or download it again") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    members: dict[str, Member] = {}
    for info in listed:
        _refuse_attack(path, info)
        if info.is_dir():
            continue
        if info.filename in members:
            raise UserError(f"{path} holds {info.filename!r} twice: pack it again")
        members[info.filename] = Member(info.header_offset, info.compress_type, info.compress_size, info.file_size, info.CRC)
    return files(path, sorted(members), Reader(path, members), kind="zip")


def _refuse_attack(path: Path, info: zipfile.ZipInfo) -> None:
    name, raw = info.filename, info.orig_filename
    outside = ".." in PurePosixPath(raw).parts or ".." in PureWindowsPath(raw).parts or "\0" in raw
    if outside or PurePosixPath(raw).is_absolute() or PureWindowsPath(raw).anchor:
        raise UserError(f"{path}: the name {raw!r} leads out of the archive: it is not read; pack the pictures again")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UserError(f"{path}: {name!r} is a link or a device, which is not followed: pack the pictures themselves")
    if info.flag_bits & 1:
        raise UserError(f"{path}: {name!r} is encrypted: pack the pictures without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{path}: {name!r} is packed by a method that is not read: pack with zip's usual one (deflate)")
    if info.file_size > RATIO_FROM and info.file_size > RATIO * max(info.compress_size, 1):
        raise UserError(
            f"{path}: {name!r} would grow {info.file_size // max(info.compress_size, 1)} times, as a bomb does: it is not read"
        )
