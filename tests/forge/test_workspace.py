"""The workspace's lock and the local executor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forge.errors import StepError, WorkspaceError
from forge.executors.local import LocalExecutor
from forge.workspace import Workspace

HOLD = """
import sys, time
from pathlib import Path
from forge.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock("build"):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    try:
        in_use = pytest.raises(WorkspaceError, match=rf"in use by process {holder.pid} \(forge build\)")
        with in_use, Workspace(tmp_path).lock("export"):
            pass
    finally:
        holder.kill()
        holder.communicate()


def test_a_killed_holder_leaves_no_lock_and_its_temporary_files_are_swept(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    leftover = tmp_path / ".forge" / "corpus" / ".half.parquet.1.abc.tmp"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("half")
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with Workspace(tmp_path).lock("build"):
        assert not leftover.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be written"), Workspace(tmp_path / "file").lock("build"):
        pass


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    raise StepError("no", plugin="p", step="s", record=str(number))


def die(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_answered_under_its_index(workers: int) -> None:
    executor = LocalExecutor(workers=workers)
    assert dict(executor.run(square, list(range(20)))) == {n: n * n for n in range(20)}
    executor.close()


def test_an_error_comes_back_with_its_context() -> None:
    executor = LocalExecutor(workers=2)
    with pytest.raises(StepError) as caught:
        list(executor.run(fail, [1, 2, 3]))
    assert caught.value.plugin == "p"
    executor.close()


def test_a_killed_worker_is_one_clear_error() -> None:
    executor = LocalExecutor(workers=2)
    with pytest.raises(StepError, match="worker process was killed"):
        list(executor.run(die, [1, 2]))
    executor.close()


DRIVER = """
import time
from forge.executors.local import LocalExecutor
if __name__ == "__main__":
    executor = LocalExecutor(workers=2)
    for _ in executor.run(abs, [1, 2]):
        pass
    print(*[p.pid for p in executor._pool._processes.values()], flush=True)
    time.sleep(60)
"""


def test_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    driver = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    workers = [int(word) for word in driver.stdout.readline().split()]
    assert workers
    driver.kill()
    driver.communicate()
    deadline = time.monotonic() + 10
    while any(_alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_alive(worker) for worker in workers)


def _alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
