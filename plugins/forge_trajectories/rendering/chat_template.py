"""Chat templates: Jinja as the Hugging Face libraries write it, with the assistant's text between ``generation`` tags.

The tags say exactly which characters the assistant says; the loss is taken there and nowhere else. A template without
them cannot say it, and is refused. What a dialogue holds of a template's own markers is broken up with a blank, so that
no text can end a turn. Some 0.2 milliseconds a dialogue; jinja2 is imported at the first one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.records import JsonObject
from forge_trajectories.rendering.dialogue import Dialogue, Turn

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent / "templates"
TEMPLATES = ("chatml", "llama3")
_BEGIN, _END = "\x00<\x00", "\x00>\x00"
_MARKER = re.compile(r"<(?=\|)|(?<=\|)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A dialogue as a template writes it.

    Attributes:
        spans: ``[start, end)`` of what the assistant says, one a turn of the assistant's.
    """

    text: str
    spans: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTemplate:
    """A template by its text. ``name`` is for messages."""

    name: str
    source: str

    def render(self, dialogue: Dialogue) -> Rendered:
        """The whole dialogue, and where the assistant speaks.

        Raises:
            ValueError: the template does not do, or does not mark every turn of the assistant's.
        """
        from jinja2 import TemplateError

        messages = [_message(turn) for turn in dialogue.turns]
        tools = [{"type": "function", "function": _safe(tool)} for tool in dialogue.tools]
        try:
            marked = _compiled(self.source).render(messages=messages, tools=tools, add_generation_prompt=False)
        except TemplateError as error:
            raise ValueError(f"the chat template {self.name} does not do: {error}") from error
        found = _unmarked(marked)
        said = sum(turn.role == "assistant" for turn in dialogue.turns)
        if len(found.spans) != said:
            raise ValueError(
                f"the chat template {self.name} marks {len(found.spans)} of {said} turns of the assistant: put "
                "{% generation %} and {% endgeneration %} around what the assistant says"
            )
        return found


def load_template(name: str) -> ChatTemplate:
    """A shipped template by its name, or the one whose text this is.

    Raises:
        ValueError: it is neither.
    """
    if name in TEMPLATES:
        return ChatTemplate(name=name, source=(FOLDER / f"{name}.jinja").read_text(encoding="utf-8"))
    if "{%" not in name:
        raise ValueError(f"the chat template {name!r} is none of {', '.join(TEMPLATES)}, and no text of a template")
    return ChatTemplate(name="of the recipe", source=name)


@cache
def _compiled(source: str) -> "Template":
    """Compile a template in a sandbox, with what templates of the Hugging Face libraries take for granted."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """``{% generation %}``: marks what is within."""

        tags = {"generation"}

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_marked"), [], [], body).set_lineno(line)

        def _marked(self, caller: Any) -> str:
            return f"{_BEGIN}{caller()}{_END}"

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=False, lstrip_blocks=False, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = refuse
    return environment.from_string(source)


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _unmarked(marked: str) -> Rendered:
    """The text without marks, and where they were."""
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for piece in re.split(f"({_BEGIN}.*?{_END})", marked, flags=re.DOTALL):
        is_said = piece.startswith(_BEGIN)
        text = piece[len(_BEGIN) : -len(_END)] if is_said else piece
        if is_said:
            spans.append((length, length + len(text)))
        parts.append(text)
        length += len(text)
    return Rendered(text="".join(parts), spans=spans)


def _message(turn: Turn) -> dict[str, Any]:
    calls = [{"type": "function", "function": _safe(call)} for call in turn.calls]
    return {"role": turn.role, "content": _safe(turn.content), "tool_calls": calls}


def _safe(value: Any) -> Any:
    """The value with markers such as ``<|im_end|>`` broken up, and without what the marks are made of."""
    if isinstance(value, str):
        return _MARKER.sub(lambda match: "< " if match[0] == "<" else " >", value.replace("\x00", ""))
    if isinstance(value, Mapping):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(item) for item in value]
    return value


_CHATML = re.compile(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>\n", re.DOTALL)
_LLAMA = re.compile(r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n(.*?)<\|eot_id\|>", re.DOTALL)
_TOOL_CALL = re.compile(r"(?:^|\n)<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
_TOOLS = re.compile(r"\n?\n?You may call these functions\..*?<tools>\n(.*)</tools>\nCall one .*", re.DOTALL)
_FUNCTIONS = re.compile(r"\n?\n?Functions that can be called, one a line:\n(.*?)\nA call is one line: .*", re.DOTALL)


def read_chat(text: str, template: str) -> Dialogue:
    """The dialogue that a shipped template wrote ``text`` from.

    Raises:
        ValueError: it was not written by that template.
    """
    blocks, tools_of = {"chatml": (_CHATML, _TOOLS), "llama3": (_LLAMA, _FUNCTIONS)}[template]
    found = blocks.findall(text)
    if "".join(match[0] for match in blocks.finditer(text)) != text:
        raise ValueError(f"not written by the chat template {template}: {text[:60]!r}")
    tools: list[JsonObject] = []
    turns: list[Turn] = []
    for position, (role, body) in enumerate(found):
        if role == "system" and position == 0 and (listed := tools_of.search(body)):
            tools = [json.loads(line)["function"] for line in listed[1].strip("\n").split("\n")]
            if body[: listed.start()]:
                turns.append(Turn(role="system", content=body[: listed.start()]))
        elif role == "assistant":
            turns.append(_chatml_turn(body) if template == "chatml" else _llama_turn(body))
        else:
            turns.append(Turn(role="tool" if role == "ipython" else role, content=body))
    return Dialogue(tools=tuple(tools), turns=tuple(turns))


def _chatml_turn(body: str) -> Turn:
    first = _TOOL_CALL.search(body)
    if first is None:
        return Turn(role="assistant", content=body)
    calls = tuple(json.loads(match) for match in _TOOL_CALL.findall(body))
    return Turn(role="assistant", content=body[: first.start()], calls=calls)


def _llama_turn(body: str) -> Turn:
    content, *lines = body.split("<|python_tag|>")
    calls = []
    for line in lines:
        call = json.loads(line.rstrip("\n"))
        calls.append({"name": call["name"], "arguments": call["parameters"]})
    return Turn(role="assistant", content=content.removesuffix("\n") if calls else content, calls=tuple(calls))
