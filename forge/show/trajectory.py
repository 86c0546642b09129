"""A trajectory on a terminal: what was wanted, who said what, what was called and answered, which checks it passed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from forge.records import Message, Trajectory
from forge.show.facts import Shown, clean, one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

LONGEST_OBSERVATION = 1_200
"""Characters of a tool's answer that are shown."""
STYLES: Mapping[str, str] = {"system": "dim", "user": "bold cyan", "assistant": "bold green", "tool": "yellow"}


def trajectory_parts(shown: Shown) -> Iterator["RenderableType"]:
    """What is printed of a trajectory, from top to bottom."""
    record: Trajectory = shown.record
    yield from _title(record)
    yield from _tools(record)
    yield from _plan(record.blueprint or {})
    yield from _messages(record)
    yield from _checks(record.checks)


def _title(record: Trajectory) -> Iterator["RenderableType"]:
    from rich.text import Text

    blueprint = record.blueprint or {}
    yield Text(f"trajectory {record.id}", style="bold")
    facts = [str(blueprint.get("kind") or ""), record.source, record.model or "", record.license]
    yield Text(one_line(" \N{MIDDLE DOT} ".join(fact for fact in facts if fact), most=400), style="cyan")
    written = blueprint.get("written") or {}
    if written:
        yield Text("written by " + ", ".join(_authors(written)), style="dim")
    usage = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in sorted(record.usage.items()))
    if usage:
        yield Text(f"{usage}; ${record.cost:.4f}", style="dim")
    yield Text("")


def _authors(written: Mapping[str, str]) -> list[str]:
    """``llm: answer, query`` by author."""
    parts: dict[str, list[str]] = {}
    for part, author in sorted(written.items()):
        parts.setdefault(author, []).append(part)
    return [f"{author}: {' '.join(parts[author])}" for author in sorted(parts)]


def _tools(record: Trajectory) -> Iterator["RenderableType"]:
    from rich.text import Text

    for tool in record.tools:
        fields = tool.get("parameters", {}).get("properties") or {}
        required = set(tool.get("parameters", {}).get("required") or ())
        names = ", ".join(f"{name}{'' if name in required else '?'}" for name in fields)
        line = Text(f"{tool.get('name')}({names})", style="magenta")
        about = one_line(str(tool.get("description") or ""), most=90)
        line.append(f"  {about}" if about else "", style="dim")
        yield line
    if record.tools:
        yield Text("")


def _plan(blueprint: Mapping[str, Any]) -> Iterator["RenderableType"]:
    """What the blueprint settled: the facts that the user knows, and what was made to go wrong."""
    from rich.text import Text

    lines = [
        f"knows   {fact['name']} = {_json(fact['value'])}{' (told when asked)' if fact.get('told') == 'asked' else ''}"
        for fact in blueprint.get("facts") or ()
    ]
    lines += [
        f"fault   {fault['kind']} at call {fault.get('ordinal', 0) + 1} of {fault['tool']}; acceptable: "
        f"{', '.join(fault.get('recoveries') or ()) or 'nothing'}"
        for fault in blueprint.get("faults") or ()
    ]
    if lines:
        yield Text("\n".join(clean(line) for line in lines) + "\n", style="dim")


def _messages(record: Trajectory) -> Iterator["RenderableType"]:
    from rich.padding import Padding
    from rich.text import Text

    names = {call.get("id"): call.get("name") for message in record.messages for call in message.tool_calls}
    for message in record.messages:
        head = Text(message.role, style=STYLES[message.role])
        if message.role == "tool":
            origin = f" ({message.origin})" if message.origin else ""
            head.append(f" {names.get(message.tool_call_id, message.tool_call_id)}{origin}", style="dim")
        yield head
        said = clean(message.content)
        if message.role == "tool" and len(said) > LONGEST_OBSERVATION:
            said = f"{said[:LONGEST_OBSERVATION]}\N{HORIZONTAL ELLIPSIS} ({len(said):,} characters)"
        if said:
            yield Padding(Text(said), (0, 0, 0, 2))
        for line in _calls(message):
            yield Padding(Text(line, style="bold"), (0, 0, 0, 2))
    yield Text("")


def _calls(message: Message) -> Iterator[str]:
    for call in message.tool_calls:
        yield clean(f"\N{RIGHTWARDS ARROW} {call.get('name')} {_json(call.get('arguments'))}  [{call.get('id')}]")


def _checks(checks: Sequence[Mapping[str, Any]]) -> Iterator["RenderableType"]:
    from rich.text import Text

    for check in checks:
        verdict = check.get("passed")
        word, style = ("-", "dim") if verdict is None else ("passed", "green") if verdict else ("FAILED", "bold red")
        line = Text(f"{word:8}", style=style)
        line.append(f"{check.get('check', ''):18}")
        line.append(one_line(str(check.get("evidence") or ""), most=160), style="dim")
        yield line


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
