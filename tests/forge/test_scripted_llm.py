"""The endpoint that tests ask: a client that dies while it asks is no request, and nothing is said of it."""

import json
import socket
import urllib.request
from urllib.parse import urlsplit

import pytest

from forge.testing.llm import ScriptedLlm

ASKED = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Is anybody there?"}]}).encode()


@pytest.mark.parametrize("sent", [0, 1, len(ASKED) - 1])
def test_half_a_request_is_none(sent: int, capfd: pytest.CaptureFixture[str]) -> None:
    with ScriptedLlm(["yes"]) as endpoint:
        place = urlsplit(endpoint.url)
        with socket.create_connection((place.hostname, place.port), timeout=10) as client:
            head = f"POST {place.path}/chat/completions HTTP/1.1\r\nContent-Length: {len(ASKED)}\r\n\r\n"
            client.sendall(head.encode() + ASKED[:sent])
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
        assert not endpoint.requests
        whole = urllib.request.Request(f"{endpoint.url}/chat/completions", data=ASKED)
        with urllib.request.urlopen(whole, timeout=10) as answer:
            assert json.load(answer)["choices"][0]["message"]["content"] == "yes"
        assert endpoint.requests == [json.loads(ASKED)]
    assert capfd.readouterr().err == ""
