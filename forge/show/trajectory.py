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
MOST_NAMES = 8
"""Parameters of a tool that are named."""
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
    """The tools that are offered, and those that are not: what each is, and which API of the catalogue."""
    from rich.padding import Padding
    from rich.text import Text

    behind = {str(each.get("tool")): each for each in (record.blueprint or {}).get("operations") or ()}
    offered = {str(tool.get("name")): tool for tool in record.tools}
    if not offered and not behind:
        return
    yield _heading("Tools", "" if offered else "none is offered")
    for name in dict.fromkeys([*offered, *behind]):
        tool = offered.get(name) or behind[name]
        yield Text(f"{name}({_parameters(tool.get('parameters') or {})})", style="magenta")
        about = one_line(str(tool.get("description") or ""), most=150)
        facts = [_origin(behind[name])] if name in behind else []
        facts += ["not offered"] if name not in offered else []
        for line in (about, ", ".join(facts)):
            if line:
                yield Padding(Text(line, style="dim"), (0, 0, 0, 2))
    yield Text("")


def _parameters(schema: Mapping[str, Any]) -> str:
    """Names of parameters, the required ones first, the others with a question mark."""
    required = set(schema.get("required") or ())
    names = sorted(schema.get("properties") or {}, key=lambda name: name not in required)
    more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return clean(", ".join([*(f"{name}{'' if name in required else '?'}" for name in names[:MOST_NAMES]), *more]))


def _origin(operation: Mapping[str, Any]) -> str:
    """``GET /pools of blockfrost.io, Apache-2.0, API 8a6134de``; a simulator is named."""
    call = " ".join(str(operation[key]) for key in ("method", "path") if operation.get(key))
    whose = f"{call} of {operation.get('provider')}" if call else str(operation.get("provider"))
    by = f"simulator {operation['simulator']}" if operation.get("simulator") else ""
    facts = [whose, str(operation.get("license")), f"API {str(operation.get('api'))[:8]}", by]
    return one_line(", ".join(fact for fact in facts if fact), most=200)


def _plan(blueprint: Mapping[str, Any]) -> Iterator["RenderableType"]:
    """What the blueprint settled: the facts that the user knows, and what was made to go wrong."""
    from rich.padding import Padding
    from rich.text import Text

    facts, faults = blueprint.get("facts") or (), blueprint.get("faults") or ()
    lines = [
        f"{fact['name']} = {_json(fact['value'])}{' (told when asked)' if fact.get('told') == 'asked' else ''}"
        for fact in facts
    ]
    if lines:
        yield _heading("What the user knows")
        yield Padding(Text("\n".join(clean(line) for line in lines)), (0, 0, 1, 2))
    lines = [
        f"{fault['kind']} at call {fault.get('ordinal', 0) + 1} of {fault['tool']}; acceptable: "
        f"{', '.join(fault.get('recoveries') or ()) or 'nothing'}"
        for fault in faults
    ]
    if lines:
        yield _heading("What goes wrong on purpose")
        yield Padding(Text("\n".join(clean(line) for line in lines)), (0, 0, 1, 2))


def _messages(record: Trajectory) -> Iterator["RenderableType"]:
    from rich.padding import Padding
    from rich.text import Text

    yield _heading("Dialogue")
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
    """What failed, with its evidence, first; then the names of what passed, and of what did not apply."""
    from rich.table import Table
    from rich.text import Text

    names = list(dict.fromkeys(str(check.get("check", "")) for check in checks))
    made = {str(check.get("check", "")) for check in checks if check.get("passed") is not None}
    failed = {str(check.get("check", "")): check for check in checks if check.get("passed") is False}
    if not names:
        return
    yield _heading("Checks")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for check in failed.values():
        said = Text(f"{check.get('code') or check.get('check')}")
        said.append(f"  {one_line(str(check.get('evidence') or ''), most=400)}", style="dim")
        table.add_row(Text("FAILED", style="bold red"), said)
    if passed := [name for name in names if name in made and name not in failed]:
        table.add_row(Text("passed", style="green"), Text(", ".join(passed)))
    if rest := [name for name in names if name not in made]:
        table.add_row(Text("no case", style="dim"), Text(", ".join(rest), style="dim"))
    yield table


def _heading(text: str, note: str = "") -> "RenderableType":
    from rich.text import Text

    return Text.assemble((text, "bold underline"), (f"  {note}" if note else "", "dim"))


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
