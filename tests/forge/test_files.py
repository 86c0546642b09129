import contextlib
import errno
import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import xxhash

from forge.errors import WorkspaceError
from forge.files import atomic_path, file_hash, sha256, sweep, write_bytes, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    write_text(path, "é")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["b.txt"]


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    write_text(path, "old")
    with contextlib.suppress(ValueError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise ValueError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["b.txt"]


def test_a_killed_writer_leaves_no_file_and_the_sweep_clears_up(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from forge.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'half'); print('written', flush=True); time.sleep(60)\n"
    )
    path = tmp_path / "b.bin"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"written\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not path.exists()
    assert len(names(tmp_path)) == 1
    assert sweep([tmp_path, tmp_path / "missing"]) == 1
    assert names(tmp_path) == []


def test_two_writers_of_one_name_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    with atomic_path(path) as first, atomic_path(path) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert path.read_text() == "first"
    assert names(tmp_path) == ["b.txt"]


def test_the_sweep_takes_folders_too(tmp_path: Path) -> None:
    inner = tmp_path / ".model.tmp" / ".part.1.tmp"
    inner.parent.mkdir()
    inner.write_text("half")
    sweep([tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_sweep_spares_what_is_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "kept.tmp", "not ours: it has no dot before it")
    (tmp_path / "deep" / ".b.txt.1.aa.tmp").write_text("left over")
    assert sweep([tmp_path]) == 1
    assert names(tmp_path / "deep") == ["kept.tmp"]


def test_file_size_limit_counts_as_a_full_disk(tmp_path: Path) -> None:
    """A real EFBIG, by the process's own limit, in a process of its own."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from forge.files import write_bytes\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_bytes(Path(sys.argv[1]), bytes(5000))\n"
    )
    path = tmp_path / "b.bin"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "forge.errors.WorkspaceError" in done.stderr
    assert "free some space and run the same command again" in done.stderr
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "b.bin"
    with pytest.raises(WorkspaceError, match=r"b\.bin: no room on the disk"), atomic_path(path):
        Path("/dev/full").write_bytes(b"x")
    assert names(tmp_path) == []


def test_other_failures_of_the_system_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone") as caught, atomic_path(tmp_path / "b.bin"):
        raise OSError(errno.EIO, "gone")
    assert not isinstance(caught.value, WorkspaceError)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_hashes_agree_with_their_libraries(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    path = tmp_path / "b.bin"
    path.write_bytes(data[:size])
    assert sha256(path) == hashlib.sha256(data[:size]).hexdigest()
    assert file_hash(path) == xxhash.xxh3_128(data[:size]).hexdigest()
