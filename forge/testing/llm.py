"""A language model's endpoint that says what a test wants, over real HTTP on loopback.

    with ScriptedLlm(lambda request: {"score": 3}) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)

It speaks the chat protocol of the ``openai`` package (``POST /v1/chat/completions``), counts what it is asked and what
it answered, and can misbehave: refuse, hang, drop the connection, answer HTML or ten megabytes. Costs the standard
library and a thread a connection.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehave:
    """An answer that is no chat completion.

    Attributes:
        status, headers, body: sent as they are. drop: close the connection without a word.
        hang: seconds of silence before anything happens.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop: bool = False
    hang: float = 0.0


Said = str | Mapping[str, Any] | Misbehave
Script = Callable[[Request], Said] | Sequence[Said]


def refusal(status: int, message: str = "no", *, headers: Mapping[str, str] | None = None) -> Misbehave:
    """A refusal in the protocol's own form."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode()
    return Misbehave(status=status, headers={"Content-Type": "application/json", **(headers or {})}, body=body)


class ScriptedLlm:
    """The endpoint; a context manager.

    Args:
        script: a function of the request's body, or answers in turn, the last for ever. Text is said as it is, a
            mapping as JSON; one with ``tool_calls``, each ``{"name", "arguments"}``, as the protocol's own calls,
            beside the words of its ``content``.
        delay: seconds before each answer.
        tokens: what it says an answer cost: (prompt, completion); None leaves the count out.

    Attributes:
        requests: bodies in the order of their coming. answered: how often each prompt was answered in full.
    """

    def __init__(self, script: Script, *, delay: float = 0.0, tokens: tuple[int, int] | None = (10, 5)) -> None:
        self._script = script
        self._delay = delay
        self._tokens = tokens
        self._lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.answered: Counter[str] = Counter()
        self.most_at_once = 0
        self._now = 0
        self._stop = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """What ``OPENAI_BASE_URL`` is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def say(self, request: dict[str, Any]) -> Misbehave:
        """The whole answer to a request."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            time.sleep(self._delay)
            script = self._script
            said = script(request) if callable(script) else script[min(number, len(script) - 1)]
            if isinstance(said, Misbehave):
                self._stop.wait(said.hang)
                return said
            return self._completion(request, _message(said))
        finally:
            with self._lock:
                self._now -= 1

    def delivered(self, request: Request) -> None:
        """Count an answer that went out whole."""
        with self._lock:
            self.answered[json.dumps(request["messages"], sort_keys=True)] += 1

    def _completion(self, request: Request, message: Mapping[str, Any]) -> Misbehave:
        reason = "tool_calls" if "tool_calls" in message else "stop"
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
        body: dict[str, Any] = {"id": "scripted", "object": "chat.completion", "created": 0, "choices": [choice]}
        body["model"] = request.get("model")
        if self._tokens is not None:
            prompt, completion = self._tokens
            total = prompt + completion
            body["usage"] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
        return Misbehave(headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())


def _message(said: str | Mapping[str, Any]) -> dict[str, Any]:
    """What is said, in the protocol's form; arguments that are text are sent as they are, sound JSON or not."""
    if isinstance(said, str) or "tool_calls" not in said:
        return {"content": said if isinstance(said, str) else json.dumps(said)}
    calls = []
    for number, call in enumerate(said["tool_calls"]):
        arguments = call["arguments"]
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        function = {"name": call["name"], "arguments": text}
        calls.append({"id": f"call_{number}", "type": "function", "function": function})
    return {"content": said.get("content"), "tool_calls": calls}


def _handler(endpoint: ScriptedLlm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.close_connection = True
            length = int(self.headers["content-length"])
            try:
                body = self.rfile.read(length)
            except OSError:
                body = b""
            if len(body) < length:
                return  # the client was killed while it asked: that is no request
            request = json.loads(body)
            said = endpoint.say(request)
            if said.drop:
                return
            lines = [f"HTTP/1.1 {said.status} Said", "Connection: close", f"Content-Length: {len(said.body)}"]
            lines += [f"{name}: {value}" for name, value in said.headers.items()]
            try:
                self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + said.body)
            except OSError:
                return  # the client has gone: killed, or out of patience
            if said.status == 200:
                endpoint.delivered(request)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
