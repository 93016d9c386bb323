"""The container of packages: a zip file of which only one form is accepted.

Members lie one after another, as they are and without compression, and every byte around them follows from their names,
lengths and checksums. So any zip program opens a package, equal members make equal files, nothing can be hidden in one
or grow on unpacking, and no altered byte is passed over. ``docs/FORMAT.md`` gives the layout byte by byte.
"""

from __future__ import annotations

import io
import mmap
import re
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, Union

from typing_extensions import Buffer

from memos_core.errors import InvalidPackage, TooLarge

CHUNK = 1024 * 1024  # bytes
MOST_BYTES = 2**32 - 1  # beyond that zip has other records, which no reader here knows
MOST_MEMBERS = 10_000

Source = Union[Path, bytes, memoryview]  #: what a member holds, or a file that does

#: Names of members, in the order in which they lie; of those in a folder, by name.
_NAMES = tuple(
    map(
        re.compile,
        (
            r"manifest\.json", r"signature\.dsse\.json", "LICENSE", r"operations\.jsonl",
            "vectors/[0-9a-f]{64}", "blobs/[0-9a-f]{64}",
        ),
    )
)  # fmt: skip

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_VERSION = 20  # 2.0, the first with folders
_DATE = 0x0021  # 1 January 1980, the first day that zip knows


class Member(NamedTuple):
    """Where a member lies in the file.

    Attributes
    ----------
    offset
        Of its first byte.
    size
        In bytes.
    crc
        CRC-32 of its bytes.
    """

    name: str
    offset: int
    size: int
    crc: int


def write(stream: BinaryIO, members: Mapping[str, Source]) -> None:
    """Write a container.

    Parameters
    ----------
    members
        In the order of a package: a file that holds the bytes, or the bytes.

    Raises
    ------
    TooLarge
        If it would be larger than 4 GiB, or have more than 10,000 members.
    """
    entries = []
    offset = 0
    for name, source in members.items():
        size, crc = _measured(source)
        local = _local(name, size, crc)
        stream.write(local)
        stream.writelines(chunks(source))
        entries.append(Member(name, offset + len(local), size, crc))
        offset += len(local) + size
        _check_size(len(entries), offset)
    stream.write(_tail(entries, offset))


class Container:
    """A container that is open for reading.

    Raises
    ------
    InvalidPackage
        If the file is not exactly what :func:`write` makes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InvalidPackage(path=path, detail=f"it cannot be read ({error.strerror}).") from error
        try:
            self.members = self._parsed()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def open(self, name: str) -> BinaryIO:
        """A stream over a member.

        Raises
        ------
        InvalidPackage
            If there is no such member.
        """
        return io.BufferedReader(_Slice(self._file, self._member(name)))

    def read(self, name: str, *, limit: int) -> bytes:
        """The bytes of a small member.

        Raises
        ------
        InvalidPackage
            If there is no such member, or it is longer than the limit.
        """
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise self.fault(f"its {name} is longer than {limit:,} bytes.")
        return data

    def view(self, name: str) -> memoryview:
        """The bytes of a member, mapped: nothing is read before it is looked at.

        Raises
        ------
        InvalidPackage
            If there is no such member.
        """
        member = self._member(name)
        whole = memoryview(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ))
        return whole[member.offset : member.offset + member.size]

    def digest(self, name: str) -> str:
        """SHA-256 of a member, whose checksum is compared on the way.

        Raises
        ------
        InvalidPackage
            If its checksum is not that of its bytes.
        """
        import hashlib

        digest, crc = hashlib.sha256(), 0
        with self.open(name) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                crc = zlib.crc32(chunk, crc)
        if crc != self.members[name].crc:
            raise self.fault(f"its {name} does not have the checksum it is to have.")
        return digest.hexdigest()

    def _member(self, name: str) -> Member:
        if name not in self.members:
            raise self.fault(f"it has no {name}.")
        return self.members[name]

    def fault(self, what: str) -> InvalidPackage:
        """An error that names the file."""
        return InvalidPackage(path=self._path, detail=what)

    def _parsed(self) -> dict[str, Member]:
        length = self._file.seek(0, io.SEEK_END)
        entries: dict[str, Member] = {}
        offset = 0
        while (member := self._next(offset)) is not None:
            if member.offset + member.size > length or len(entries) == MOST_MEMBERS:
                raise self.fault("it is cut off, or has too many members.")
            if member.name in entries:
                raise self.fault(f"it has {member.name} twice.")
            if entries and order(next(reversed(entries))) > order(member.name):
                raise self.fault(f"its {member.name} does not lie where it is to.")
            entries[member.name] = member
            offset = member.offset + member.size
        self._file.seek(offset)
        tail = _tail(entries.values(), offset)
        if self._file.read(len(tail) + 1) != tail:
            raise self.fault("its directory is not the one that its members have.")
        return entries

    def _next(self, offset: int) -> Member | None:
        """The member whose header is at an offset; ``None`` where the directory begins."""
        self._file.seek(offset)
        header = self._file.read(_LOCAL.size)
        if not header.startswith(b"PK\3\4"):
            return None
        if len(header) < _LOCAL.size:
            raise self.fault("it is cut off.")
        *_, crc, _, size, length, _ = _LOCAL.unpack(header)
        name = self._file.read(length).decode("ascii", "replace")
        if not any(pattern.fullmatch(name) for pattern in _NAMES):
            raise self.fault(f"{name[:80]!r} is no member of a package.")
        local = _local(name, size, crc)
        if header != local[: _LOCAL.size]:
            raise self.fault(f"the header of its {name} is not as the format wants it.")
        return Member(name, offset + len(local), size, crc)


def order(name: str) -> tuple[int, str]:
    """Members lie in a package by what they are, and by name."""
    return next(rank for rank, pattern in enumerate(_NAMES) if pattern.fullmatch(name)), name


class _Slice(io.RawIOBase):
    """The bytes of one member."""

    def __init__(self, file: BinaryIO, member: Member) -> None:
        super().__init__()
        self._file = file
        self._start, self._end = member.offset, member.offset + member.size
        self._at = self._start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self._at, io.SEEK_END: self._end}[whence]
        self._at = min(max(base + offset, self._start), self._end)
        return self.tell()

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._at)
        data = self._file.read(min(len(view), self._end - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _local(name: str, size: int, crc: int) -> bytes:
    return _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _DATE, crc, size, size, len(name), 0) + name.encode("ascii")


def _tail(entries: Collection[Member], offset: int) -> bytes:
    """The central directory and the record of its end."""
    directory = b"".join(
        _CENTRAL.pack(
            b"PK\1\2", _VERSION, _VERSION, 0, 0, 0, _DATE, each.crc, each.size, each.size,
            len(each.name), 0, 0, 0, 0, 0, each.offset - _LOCAL.size - len(each.name),
        )
        + each.name.encode("ascii")
        for each in entries
    )  # fmt: skip
    count = len(entries)
    return directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), offset, 0)


def _check_size(members: int, size: int) -> None:
    if members > MOST_MEMBERS:
        raise TooLarge(what="A package", size=members, limit=MOST_MEMBERS, unit="members")
    if size > MOST_BYTES:
        raise TooLarge(what="A package", size=size, limit=MOST_BYTES, unit="bytes")


def _measured(source: Source) -> tuple[int, int]:
    size = crc = 0
    for chunk in chunks(source):
        size += memoryview(chunk).nbytes
        crc = zlib.crc32(chunk, crc)
    if size > MOST_BYTES:
        raise TooLarge(what="A member of a package", size=size, limit=MOST_BYTES, unit="bytes")
    return size, crc


def chunks(source: Source) -> Iterator[Buffer]:
    """What a file holds, or bytes, a part at a time."""
    if not isinstance(source, Path):
        whole = memoryview(source)
        yield from (whole[start : start + CHUNK] for start in range(0, len(whole), CHUNK))
        return
    with source.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
