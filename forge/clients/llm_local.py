"""A small language model on loopback, behind the protocol of OpenAI's chat API: a process of its own beside this one.

    with local_model(weights) as endpoint: ...        # endpoint is what OPENAI_BASE_URL is set to

SmolLM2-135M proves that everything is wired up and says little that is right. Start: some two seconds and 300 MB;
about 100 tokens a second on two processors with four questions at once. The process ends with the one that started it,
however that ends: it stops at the end of its standard input, and when it has another parent. It stops at once, in the
middle of an answer if need be: the library's own end waits for what is under way, for minutes.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forge.errors import StepError

MODEL = "smollm2-135m-instruct"
SLOTS = 4
CONTEXT = 4096
"""Tokens of prompt and answer that one question may have."""
_PROGRAM = """
import os, select, sys, xllamacpp
parent = os.getppid()
settings = xllamacpp.CommonParams()
settings.model.path, settings.port = sys.argv[1], int(sys.argv[2])
settings.n_parallel, settings.n_ctx, settings.warmup = int(sys.argv[3]), int(sys.argv[3]) * int(sys.argv[4]), False
settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = int(sys.argv[5])
settings.cache_ram_mib = 256
server = xllamacpp.Server(settings)
print(server.listening_address, flush=True)
while os.getppid() == parent and not select.select([sys.stdin], [], [], 1.0)[0]:
    pass
os._exit(0)
"""


def is_installed() -> bool:
    """Whether the server's library is there: ``pip install 'hephaestus-forge[llm]'``."""
    return importlib.util.find_spec("xllamacpp") is not None


@contextmanager
def local_model(weights: Path, *, port: int = 0) -> Iterator[str]:
    """Serve a GGUF file; port 0 takes a free one.

    Raises:
        StepError: the library is missing, or the server does not come up.
    """
    if not is_installed():
        raise StepError("xllamacpp is not installed: pip install 'hephaestus-forge[llm]'", step="llm serve")
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    numbers = [str(number) for number in (port, SLOTS, CONTEXT, threads)]
    command = [sys.executable, "-c", _PROGRAM, str(weights), *numbers]
    pipe = subprocess.PIPE
    # A session of its own: Ctrl-C is for us, who close its input when all is said.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            address = server.stdout.readline().decode().strip()
            if not address.startswith("http"):
                raise StepError(f"{weights.name} is not served: {_last_words(server)}", step="llm serve")
            with _drained(server):
                yield f"{address}/v1"
        finally:
            server.stdin.close()
            server.kill()


@contextmanager
def _drained(server: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Read away what the server says of its work: a full pipe would stop it."""
    import threading

    assert server.stderr is not None
    stream = server.stderr

    def drain() -> None:
        while stream.read(1 << 16):
            pass

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        yield
    finally:
        server.kill()
        reader.join()


def _last_words(server: "subprocess.Popen[bytes]") -> str:
    server.kill()
    assert server.stderr is not None
    lines = server.stderr.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else "it ended without a word"
