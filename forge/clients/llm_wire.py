"""One attempt at one call, through the ``openai`` package, to any endpoint that speaks its chat protocol.

The whole attempt has one deadline, and the body one limit: an endpoint that hangs, drips or floods costs no more than
that. Failures are sorted by whether another attempt may help and whether this one may have been paid for. ``openai``
is imported when the first call is made: about a second.
"""

import asyncio
import importlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from forge.clients.failures import Again, Final, is_passing, retry_after
from forge.clients.llm_schema import is_strict
from forge.clients.llm_tools import native, spoken
from forge.llm import Abilities, Call
from forge.records import to_json

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

NAMED = {
    "tools": ("tools", "tool_choice", "tool choice", "tool-call", "tool_call", "function"),
    "json_schema": ("response_format", "json_schema", "grammar", "guided"),
    "max_tokens": ("max_tokens", "max_completion_tokens"),
    "temperature": ("temperature",),
    "seed": ("seed",),
}
"""By ability the parameter that it is about, and other words for it in a refusal (400, 422)."""


class Lost(Exception):  # noqa: N818
    """Sent, and no usable answer came: it may have been paid for."""


class Unreached(Again):
    """Nobody listens there, or there is no such name."""


class Denied(Exception):  # noqa: N818
    """No call will ever be taken: wrong key, no such model, no credit left."""


class Lacking(Exception):  # noqa: N818
    """The endpoint does not take a parameter; the call may be sent again without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back. Token counts are None where the endpoint gives none."""

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The way to one model.

    Attributes:
        timeout: seconds for a whole attempt. limit: bytes of an answer.
    """

    client: "AsyncOpenAI"
    model: str
    timeout: float
    limit: int

    async def send(self, call: Call, abilities: Abilities) -> Reply:
        """One attempt.

        Raises:
            Again, Final, Denied, Lacking: refused, at no cost. Lost: perhaps paid.
        """
        import openai

        asked = parameters(call, abilities, model=self.model)
        try:
            async with asyncio.timeout(self.timeout):
                body = await self._body(asked)
        except (TimeoutError, openai.APITimeoutError) as error:
            raise Lost(f"no answer in {self.timeout:g} seconds") from error
        except openai.APIStatusError as error:
            raise refusal(error, asked) from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            if type(cause).__name__ == "ConnectError":
                raise Unreached(f"no connection ({cause})") from error
            raise Lost(f"the connection broke ({type(cause).__name__})") from error
        return reply(body, call if "tools" in asked else None)

    async def _body(self, asked: dict[str, Any]) -> bytes:
        body = bytearray()
        headers = {"Accept-Encoding": "identity"}
        create = self.client.chat.completions.with_streaming_response.create
        async with create(**asked, extra_headers=headers) as response:
            try:
                async for chunk in response.iter_bytes(1 << 16):
                    body += chunk
                    if len(body) > self.limit:
                        raise Lost(f"an answer of more than {self.limit:,} bytes")
            except _transport_errors() as error:
                raise Lost(f"the answer broke off ({type(error).__name__})") from error
        return bytes(body)


def parameters(call: Call, abilities: Abilities, *, model: str) -> dict[str, Any]:
    """The call as the endpoint takes it: tools, else a schema, which goes into the prompt if need be."""
    messages = [dict(message) for message in call.messages]
    # Newer models of OpenAI's know the limit by another name, and no temperature.
    limit = "max_tokens" if abilities.max_tokens else "max_completion_tokens"
    asked: dict[str, Any] = {"model": model, limit: call.max_tokens}
    if abilities.temperature:
        asked["temperature"] = call.temperature
    if call.seed is not None and abilities.seed:
        asked["seed"] = call.seed
    if call.tools and abilities.tools:
        asked |= native(call)
    elif call.schema is not None and abilities.json_schema:
        # What strict mode does not take is refused; without it the schema is still shown, and enforced by servers
        # that make a grammar of it.
        named = {"name": "answer", "strict": is_strict(call.schema), "schema": call.schema}
        asked["response_format"] = {"type": "json_schema", "json_schema": named}
    elif call.schema is not None:
        messages[-1]["content"] += f"\n\nAnswer with JSON only. It has to fit this schema: {to_json(call.schema)}"
    return {**asked, "messages": messages}


def refusal(error: "APIStatusError", asked: Mapping[str, Any]) -> Exception:
    """The failure that a status stands for; ``asked`` is what was sent."""
    status, said = error.status_code, _said(error)
    reason = f"status {status}: {said}"
    code = str(getattr(error, "code", None) or "")
    if status in (401, 403, 404) or code == "insufficient_quota":
        return Denied(reason)
    if is_passing(status):
        return Again(reason, retry_after(error.response.headers.get("retry-after")))
    if status in (400, 422):
        for name, (parameter, *words) in NAMED.items():
            if parameter in asked and any(word in said.lower() for word in (parameter, *words)):
                return Lacking(name)
    return Final(reason)


def reply(body: bytes, offered: Call | None = None) -> Reply:
    """Read the body of a chat completion; ``offered``: the call if its tools were sent as tools.

    Raises:
        Lost: it is none.
    """
    try:
        found = json.loads(body)
        message = found["choices"][0]["message"]
        usage = found.get("usage") or {}
        text = message.get("content") if offered is None else spoken(message, offered.schema)
        counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise Lost(f"an answer that is no chat completion: {body[:80]!r}") from error
    if not isinstance(text, str) or not all(count is None or isinstance(count, int) for count in counts):
        raise Lost(f"an answer without text: {body[:80]!r}")
    return Reply(text=text, prompt_tokens=counts[0], completion_tokens=counts[1])


def _said(error: "APIStatusError") -> str:
    """The endpoint's own words, on one line."""
    said = error.body.get("message") if isinstance(error.body, dict) else error.body
    return " ".join(str(said or error.message).split())[:300]


@cache
def _transport_errors() -> tuple[type[Exception], ...]:
    """What the HTTP library beneath openai raises for a broken body: httpx or httpx2, by openai's version."""
    found: list[type[Exception]] = []
    for name in ("httpx", "httpx2"):
        if importlib.util.find_spec(name) is not None:
            module = importlib.import_module(name)
            found += [module.HTTPError, module.StreamError]
    return tuple(found)
