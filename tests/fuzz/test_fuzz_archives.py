"""Archives broken at random: each is read, or refused as what it is; nothing else is raised."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.errors import StepError
from forge_sources.packages import archive as packages_archive
from forge_sources.packages import npm_package


def tar(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for number in range(4):
            entry = tarfile.TarInfo(f"package/{number}.json")
            entry.size = 300
            archive.addfile(entry, io.BytesIO(b"ab" * 150))
            link = tarfile.TarInfo(f"package/link{number}")
            link.type, link.linkname = tarfile.SYMTYPE, f"{number}.json"
            archive.addfile(link)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"a/{number}.json", "ab" * 200)
    return buffer.getvalue()


def debian(data: bytes, name: str) -> bytes:
    def member(label: str, content: bytes) -> bytes:
        head = f"{label:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        return head + content + b"\n" * (len(content) % 2)

    return b"!<arch>\n" + member("debian-binary", b"2.0\n") + member(name, data)


KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "tgz": (".tgz", lambda: tar("w:gz")),
    "xz": (".tar.xz", lambda: tar("w:xz")),
    "bz2": (".tar.bz2", lambda: tar("w:bz2")),
    "tar": (".tar", lambda: tar("w")),
    "whl": (".whl", zipped),
    "zip": (".zip", zipped),
    "deb": (".deb", lambda: debian(tar("w:xz"), "data.tar.xz")),
    "deb_gz": (".deb", lambda: debian(tar("w:gz"), "data.tar.gz")),
    "deb_zst": (".deb", lambda: debian(tar("w"), "data.tar.zst")),
    "none": (".zip", bytes),
}
CHANGES = st.lists(
    st.tuples(st.integers(0, 1 << 14), st.integers(0, 60), st.binary(max_size=9)), min_size=1, max_size=6
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(changes=CHANGES)
def test_a_broken_archive_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, int, bytes]]
) -> None:
    ending, make = KINDS[kind]
    data = bytearray(make())
    for place, length, put in changes:
        at = place % (len(data) + 1)
        data[at : at + length] = put
    folder = tmp_path_factory.mktemp("archive")
    path = folder / f"a{ending}"
    path.write_bytes(data)
    with suppress(StepError):
        for member in packages_archive.members(path, wanted=lambda _: True, limit=1000):
            assert len(member.data) <= 1000
    if ending == ".tgz":
        with suppress(StepError):
            npm_package.from_tarball(path, cache=folder / "cache", plugin="t")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("none", "deb_zst")])
def test_a_whole_archive_is_read(tmp_path_factory: pytest.TempPathFactory, kind: str) -> None:
    ending, make = KINDS[kind]
    path = tmp_path_factory.mktemp("archive") / f"a{ending}"
    path.write_bytes(make())
    found = [member.path for member in packages_archive.members(path, wanted=lambda _: True, limit=1000)]
    assert sorted(name.rpartition("/")[2] for name in found) == ["0.json", "1.json", "2.json", "3.json"]
