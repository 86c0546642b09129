"""`forge llm serve`: the packaged model, served until it is told to end."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from forge.cli.llm import cache_of, endpoint_or_local
from forge.clients.llm_local import MODEL
from forge.llm import LlmSettings


def test_a_set_endpoint_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    settings = LlmSettings()
    with endpoint_or_local(settings, root=tmp_path) as found:
        assert found is settings
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    named = LlmSettings(model="another")
    with endpoint_or_local(named, root=tmp_path) as found:
        assert found is named


def test_weights_are_kept_with_the_workspace_or_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache_of(tmp_path) == tmp_path / "user" / "hephaestus-forge"
    (tmp_path / "forge.toml").write_text("seed = 1\n")
    assert cache_of(tmp_path) == tmp_path / ".forge" / "http"


def test_what_is_no_model_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"no model")
    command = [sys.executable, "-m", "forge", "llm", "serve", "--weights", str(tmp_path / "bad.gguf"), "--port", "0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("forge: error: ")
    assert "bad.gguf is not served" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_the_server_does_not_outlive_it_even_in_the_middle_of_an_answer(
    material_cache: Path, tmp_path: Path, how: signal.Signals
) -> None:
    from forge.cli.llm import packaged_weights

    weights = packaged_weights(material_cache, quiet=True)
    command = [sys.executable, "-m", "forge", "llm", "serve", "--weights", str(weights), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split(" at ")[1].split(";")[0]
        question = {"messages": [{"role": "user", "content": "Tell a very long story."}], "max_tokens": 2_000}
        request = urllib.request.Request(f"{address}/chat/completions", json.dumps(question).encode())
        asking = threading.Thread(target=lambda: suppressed(request), daemon=True)
        asking.start()
        time.sleep(1.0)
        assert asking.is_alive()
        process.send_signal(how)
        process.wait(timeout=20)
    asking.join(timeout=5)
    assert not asking.is_alive()
    # A connection that is made while the process ends is reset; then there is nobody.
    for _ in range(50):
        with pytest.raises(OSError, match=r"refused|reset") as caught:
            urllib.request.urlopen(f"{address}/models", timeout=5)
        if "refused" in str(caught.value):
            break
        time.sleep(0.1)
    assert "refused" in str(caught.value)


def suppressed(request: urllib.request.Request) -> None:
    """Ask, whatever comes of it."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        urllib.request.urlopen(request, timeout=60).read()


@pytest.mark.slow
def test_it_serves_and_ends(material_cache: Path, tmp_path: Path) -> None:
    from forge.cli.llm import packaged_weights

    weights = packaged_weights(material_cache, quiet=True)
    command = [sys.executable, "-m", "forge", "llm", "serve", "--weights", str(weights), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        address = first.split(" at ")[1].split(";")[0]
        assert address.startswith("http://127.0.0.1:")
        question = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 5}
        request = urllib.request.Request(f"{address}/chat/completions", json.dumps(question).encode())
        with urllib.request.urlopen(request) as response:
            assert json.load(response)["usage"]["completion_tokens"] <= 5
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/models", timeout=5)
