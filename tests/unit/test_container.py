"""The container of packages: a zip file of one form, of which no byte can be altered unseen."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import pytest

from memos_core.errors import InvalidPackage, TooLarge
from memos_core.infrastructure.exchange import container
from memos_core.infrastructure.exchange.container import Container, write

MEMBERS: dict[str, bytes | Path] = {"manifest.json": b"{}", "operations.jsonl": b"one\ntwo\n", f"blobs/{'a' * 64}": b""}


def made(members: dict[str, bytes | Path] = MEMBERS) -> bytes:
    stream = io.BytesIO()
    write(stream, members)
    return stream.getvalue()


def opened(data: bytes, folder: Path) -> Container:
    path = folder / "p.memcube"
    path.write_bytes(data)
    return Container(path)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    container = opened(made(), tmp_path)
    assert list(container.members) == list(MEMBERS)
    assert container.read("manifest.json", limit=2) == b"{}"
    with container.open("operations.jsonl") as stream:
        assert stream.readline() == b"one\n"
        assert stream.seek(4) == 4
        assert stream.read() == b"two\n"
    container.close()


def test_any_zip_program_opens_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(made())) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == MEMBERS


def test_files_are_written_as_bytes_are(tmp_path: Path) -> None:
    file = tmp_path / "operations"
    file.write_bytes(b"one\ntwo\n")
    assert made(MEMBERS | {"operations.jsonl": file}) == made()


def test_every_altered_bit_is_found(tmp_path: Path) -> None:
    whole = made()
    for place in range(len(whole)):
        for bit in (1, 128):
            altered = whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]
            with pytest.raises(InvalidPackage):  # noqa: PT012
                found = opened(altered, tmp_path)
                try:
                    for name in found.members:
                        found.digest(name)
                finally:
                    found.close()


@pytest.mark.parametrize("cut", [0, 1, 29, 30, 60, -1, -22, -23])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    with pytest.raises(InvalidPackage):
        opened(made()[:cut], tmp_path)


@pytest.mark.parametrize(("before", "after"), [(b"x", b""), (b"", b"x"), (b"#!/bin/sh\n", b"")])
def test_nothing_can_be_hidden_around_it(tmp_path: Path, before: bytes, after: bytes) -> None:
    with pytest.raises(InvalidPackage):
        opened(before + made() + after, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "a.py", "manifest.json/", "blobs/../x", f"blobs/{'A' * 64}", "", "MANIFEST.JSON", "é"],
)
def test_names_are_those_of_a_package_and_no_others(tmp_path: Path, name: str) -> None:
    data = zipped({name: b"x"}) if name else made().replace(b"manifest.json", b"")
    with pytest.raises(InvalidPackage):
        opened(data, tmp_path)


def zipped(members: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def test_what_would_grow_on_unpacking_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidPackage):
        opened(zipped({"operations.jsonl": b"0" * 10_000}, method=zipfile.ZIP_DEFLATED), tmp_path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    local = container._local("manifest.json", 2, zlib.crc32(b"{}")) + b"{}"
    member = container.Member("manifest.json", 43, 2, zlib.crc32(b"{}"))
    tail = container._tail([member, member._replace(offset=43 + len(local))], 2 * len(local))
    with pytest.raises(InvalidPackage, match="twice"):
        opened(local + local + tail, tmp_path)


def test_lengths_beyond_the_end_are_refused(tmp_path: Path) -> None:
    local = container._local("manifest.json", 2**31, 0)
    with pytest.raises(InvalidPackage, match="cut off"):
        opened(local + b"{}", tmp_path)


def test_a_member_that_is_missing_or_too_long_is_told(tmp_path: Path) -> None:
    found = opened(made(), tmp_path)
    with pytest.raises(InvalidPackage, match="no LICENSE"):
        found.open("LICENSE")
    with pytest.raises(InvalidPackage, match="longer than 3"):
        found.read("operations.jsonl", limit=3)
    found.close()


def test_a_folder_and_a_missing_file_are_no_packages(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InvalidPackage, match="cannot be read"):
            Container(path)


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MOST_BYTES", 100)
    with pytest.raises(TooLarge, match="bytes"):
        made()
    with pytest.raises(TooLarge, match="bytes"):
        made({"manifest.json": b"0" * 101})
    monkeypatch.setattr(container, "MOST_MEMBERS", 2)
    monkeypatch.setattr(container, "MOST_BYTES", 10_000)
    with pytest.raises(TooLarge, match="members"):
        made()
