"""The default executor: this process for one worker, a pool of fresh processes for more.

Workers are spawned, not forked: the driver holds a DuckDB connection and Arrow threads, which do not survive a fork.
A worker costs about half a second to start, once a run. It ends itself when the driver is gone, so that a driver killed
by SIGKILL leaves no process behind.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_any
from typing import Any, ClassVar

from forge.errors import StepError

GRACE = 0.5
"""Seconds that workers have to end by themselves before they are ended."""


class LocalExecutor:
    """A process pool on this machine.

    Args:
        workers: processes; 1 runs everything in the driver.
    """

    name: ClassVar[str] = "local"

    def __init__(self, *, workers: int = 1) -> None:
        self.workers = max(1, workers)
        self._pool: ProcessPoolExecutor | None = None
        self._others: frozenset[int | None] = frozenset()

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield ``(index, result)`` in order of completion; see `forge.steps.Executor`.

        Raises:
            StepError: a worker was killed, most often for want of memory.
        """
        if self.workers == 1 or len(tasks) < 2:
            yield from ((index, function(task)) for index, task in enumerate(tasks))
            return
        pool = self._open()
        pending: dict[Future[Any], int] = {pool.submit(function, task): index for index, task in enumerate(tasks)}
        try:
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield pending.pop(future), future.result()
        except BrokenProcessPool as error:
            self._pool = None
            message = "a worker process was killed, most often for want of memory: try again with --workers 1"
            raise StepError(message, step=getattr(function, "__name__", "")) from error
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """End the workers, in the middle of a task if need be: what is half written is swept by the next run."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            closing = threading.Thread(target=pool.shutdown, kwargs={"wait": True, "cancel_futures": True})
            closing.start()
            # The pool first drops what was cancelled: Python 3.11 stumbles over it when a worker dies before that.
            closing.join(GRACE)
            if closing.is_alive():
                for child in multiprocessing.active_children():
                    if child.pid not in self._others:
                        child.terminate()
                closing.join()

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._others = frozenset(child.pid for child in multiprocessing.active_children())
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin)
        return self._pool


def _begin() -> None:
    """Leave Ctrl-C to the driver, and end with it: a pool's workers otherwise wait for work for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for_any([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
