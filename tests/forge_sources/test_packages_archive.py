import gzip
import io
import lzma
import tarfile
import zipfile

import pyarrow as pa
import pytest

from forge.errors import StepError
from forge_sources.packages import archive as packages_archive
from forge_sources.packages.archive import members


def tar_bytes(files, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def deb_bytes(files, suffix, pack):
    """A Debian package by hand: an ar archive of three members."""
    data = pack(tar_bytes(files, "w:"))
    written = b"!<arch>\n"
    for name, body in (("debian-binary", b"2.0\n"), ("control.tar.gz", b"odd"), (f"data.tar{suffix}", data)):
        written += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode() + body
        written += b"\n" * (len(body) % 2)
    return written


def read(path, *, limit=1000, wanted=lambda _path: True):
    return [(member.path, member.data, member.problem) for member in members(path, wanted=wanted, limit=limit)]


def test_tarballs_lose_their_top_folder(tmp_path):
    path = tmp_path / "pack-1.0.tar.gz"
    path.write_bytes(tar_bytes([("pack-1.0/a.py", b"1"), ("pack-1.0/docs/b.rst", b"2")]))
    assert read(path) == [("a.py", b"1", ""), ("docs/b.rst", b"2", "")]


def test_wheels_keep_their_paths(tmp_path):
    path = tmp_path / "pack-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("pack/a.py", "1")
        packed.mkdir("pack/empty")
    assert read(path) == [("pack/a.py", b"1", "")]


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".xz", lzma.compress),
        (".gz", gzip.compress),
        ("", bytes),
        (".zst", lambda data: pa.compress(data, codec="zstd", asbytes=True)),
    ],
)
def test_debian_packages_of_every_compression(tmp_path, suffix, pack):
    path = tmp_path / "pack_1_all.deb"
    files = [("./usr/share/doc/pack/a.txt", b"1"), ("./usr/share/doc/pack/b.txt.gz", gzip.compress(b"22"))]
    path.write_bytes(deb_bytes(files, suffix, pack))
    assert read(path, wanted=lambda name: name.endswith(".txt")) == [
        ("usr/share/doc/pack/a.txt", b"1", ""),
        ("usr/share/doc/pack/b.txt", b"22", ""),
    ]


def test_a_gzip_bomb_inside_is_named(tmp_path):
    path = tmp_path / "pack_1_all.deb"
    path.write_bytes(deb_bytes([("./a.txt.gz", gzip.compress(b"0" * 100_000))], ".xz", lzma.compress))
    assert read(path, limit=500) == [("a.txt", b"", "is larger than its header says")]


def test_paths_that_lead_out_are_rejected(tmp_path):
    path = tmp_path / "pack-1.0.tar.gz"
    names = ["pack/../../etc/passwd.txt", "/etc/passwd.txt", "../up.txt", "pack/a\\b.txt", "pack/fine.txt"]
    path.write_bytes(tar_bytes([(name, b"x") for name in names]))
    found = read(path)
    assert [bool(problem) for _, _, problem in found] == [True] * 4 + [False]
    assert all(not data for _, data, problem in found if problem)


def test_links_and_devices_are_passed_over(tmp_path):
    path = tmp_path / "pack-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("pack/link.txt")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    assert read(path) == []


def test_larger_files_are_passed_over(tmp_path):
    path = tmp_path / "pack-1.0.tar.gz"
    path.write_bytes(tar_bytes([("pack/a", b"x" * 1000), ("pack/b", b"x" * 1001)]))
    assert [name for name, _, _ in read(path)] == ["a"]


def test_a_zip_whose_header_lies(tmp_path):
    path = tmp_path / "pack-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.txt", "0" * 50_000)
    raw = path.read_bytes()
    path.write_bytes(raw.replace((50_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(StepError, match="not a whole archive"):
        read(path)


@pytest.mark.parametrize("limit", ["MOST_BYTES", "MOST_MEMBERS"])
@pytest.mark.parametrize("name", ["pack-1.0.tar.gz", "pack-1.0-py3-none-any.whl"])
def test_an_archive_that_holds_too_much(tmp_path, monkeypatch, limit, name):
    monkeypatch.setattr(packages_archive, limit, 1)
    path = tmp_path / name
    if name.endswith(".whl"):
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("a", "11")
            packed.writestr("b", "1")
    else:
        path.write_bytes(tar_bytes([("pack/a", b"11"), ("pack/b", b"1")]))
    with pytest.raises(StepError, match="leave it out"):
        read(path)


@pytest.mark.parametrize("suffix", [".tar.gz", ".whl", ".zip", ".deb", ".tgz"])
@pytest.mark.parametrize("data", [b"", b"no archive", b"!<arch>\nshort"])
def test_what_is_no_archive_names_the_file(tmp_path, suffix, data):
    path = tmp_path / f"pack-1.0{suffix}"
    path.write_bytes(data)
    with pytest.raises(StepError, match=r"pack-1\.0.*run again"):
        read(path)


def test_a_tarball_that_ends_early(tmp_path):
    path = tmp_path / "pack-1.0.tar.gz"
    path.write_bytes(tar_bytes([("pack/a", bytes(range(256)) * 40)])[:-40])
    with pytest.raises(StepError, match="not a whole archive"):
        read(path, limit=100_000)


@pytest.mark.parametrize("name", ["pack-1.0.tar.gz", "pack-1.0.zip"])
def test_only_a_folder_that_all_files_share_is_taken_off(tmp_path, name):
    files = [("one/a.txt", b"1"), ("two/a.txt", b"2")]
    path = tmp_path / name
    path.write_bytes(tar_bytes(files))
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as packed:
            for inner, data in files:
                packed.writestr(inner, data)
    assert read(path) == [("one/a.txt", b"1", ""), ("two/a.txt", b"2", "")]


def test_a_file_beside_the_top_folder_keeps_it(tmp_path):
    path = tmp_path / "pack-1.0.tar.gz"
    path.write_bytes(tar_bytes([("pack/a.txt", b"1"), ("a.txt", b"2")]))
    assert [inner for inner, _, _ in read(path)] == ["pack/a.txt", "a.txt"]


def test_a_second_file_of_one_path_is_a_problem(tmp_path):
    twice = [("./usr/a.txt", b"1"), ("usr/a.txt.gz", gzip.compress(b"2"))]
    path, tarball = tmp_path / "pack_1_all.deb", tmp_path / "pack-1.0.tar.gz"
    path.write_bytes(deb_bytes(twice, ".xz", lzma.compress))
    tarball.write_bytes(tar_bytes([("usr/a.txt", b"1"), ("usr/a.txt", b"2")]))
    problem = "is in the archive more than once; the first one counts"
    assert read(path) == [("usr/a.txt", b"1", ""), ("usr/a.txt", b"", problem)]
    assert read(tarball) == [("a.txt", b"1", ""), ("a.txt", b"", problem)]
