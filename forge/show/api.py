"""An API on a terminal: what it is, what it takes, what it gives, and where that is written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from forge.records import ApiRecord
from forge.show.facts import Seen, Shown, Source, clean, one_line
from forge.show.schema import default_of, outline, type_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

LONGEST_SAID = 240
"""Characters of a parameter's description that are shown."""
MOST_EXAMPLES = 2
LONGEST_EXAMPLE = 24
"""Lines of an example that are shown."""
MOST_SOURCES = 12
MOST_ERRORS = 30


def api_parts(shown: Shown) -> Iterator["RenderableType"]:
    """What is printed of an API, from top to bottom."""
    from rich.text import Text

    record: ApiRecord = shown.record
    yield from _title(record)
    if record.description.strip():
        yield Text(clean(record.description.strip()) + "\n")
    yield from _parameters(record)
    yield from _returns(record)
    yield from _errors(record)
    yield from _examples(record)
    yield from _facts(record)
    yield from _sources(shown.sources)
    yield from _history(shown.history)


def _title(record: ApiRecord) -> Iterator["RenderableType"]:
    from rich.text import Text

    what = record.path or record.name
    yield Text(one_line(f"{record.method} {what}", most=400), style="bold")
    name = record.name if record.path and record.name != record.path else ""
    service = (
        f"{record.provider} / {record.service}" if record.service not in ("", record.provider) else record.provider
    )
    version = f"version {record.version}" if record.version else ""
    facts = [name, service, version, record.kind]
    yield Text(one_line(" \N{MIDDLE DOT} ".join(fact for fact in facts if fact), most=400), style="cyan")
    if record.deprecated:
        yield Text("deprecated", style="bold red")
    yield Text("")


def _parameters(record: ApiRecord) -> Iterator["RenderableType"]:
    from rich.text import Text

    fields = record.parameters.get("properties")
    if not isinstance(fields, Mapping) or not fields:
        return
    given = record.parameters.get("required")
    required = {name for name in given if isinstance(name, str)} if isinstance(given, list) else set()
    yield _heading("Parameters", "* required" if required else "")
    table = _grid(30, 6, 26)
    for name in sorted(fields, key=lambda name: (name not in required, name.lower(), name)):
        field = fields[name] if isinstance(fields[name], Mapping) else {}
        label = Text(one_line(name, most=60), style="bold" if name in required else "")
        label.append(" *" if name in required else "", style="yellow")
        table.add_row(
            label, Text(str(field.get("x-in", "")), style="dim"), Text(type_of(field), style="green"), _said(field)
        )
    yield table
    yield Text("")


def _said(field: Mapping[str, Any]) -> "RenderableType":
    from rich.text import Text

    said = field.get("description")
    text = Text(one_line(said, most=LONGEST_SAID) if isinstance(said, str) else "")
    if default := default_of(field):
        text.append(f"{' ' if text else ''}Default: {clean(default)}.", style="dim")
    if field.get("deprecated") is True:
        text.append(" Deprecated.", style="red")
    return text


def _returns(record: ApiRecord) -> Iterator["RenderableType"]:
    from rich.text import Text

    if not record.returns:
        return
    said = record.returns.get("description")
    note = f"{type_of(record.returns)}. {said}" if isinstance(said, str) else type_of(record.returns)
    yield _heading("Returns", one_line(note, most=160))
    table = _grid(36, 26)
    for depth, name, kind, about in outline(record.returns):
        table.add_row(
            Text("  " * depth + one_line(name, most=60)), Text(kind, style="green"), Text(one_line(about, most=120))
        )
    if table.row_count:
        yield table
    yield Text("")


def _errors(record: ApiRecord) -> Iterator["RenderableType"]:
    from rich.text import Text

    if not record.errors:
        return
    yield _heading("Errors")
    table = _grid(42)
    for error in record.errors[:MOST_ERRORS]:
        table.add_row(
            Text(one_line(str(error.get("code", "")), most=60), style="red"),
            Text(one_line(str(error.get("description", "")), most=LONGEST_SAID)),
        )
    if len(record.errors) > MOST_ERRORS:
        table.add_row(Text(""), Text(f"{len(record.errors) - MOST_ERRORS} more", style="dim"))
    yield table
    yield Text("")


def _examples(record: ApiRecord) -> Iterator["RenderableType"]:
    from rich.padding import Padding
    from rich.text import Text

    for place, example in enumerate(record.examples[:MOST_EXAMPLES], start=1):
        yield _heading("Example" if len(record.examples) == 1 else f"Example {place} of {len(record.examples)}")
        for key in ("arguments", "result"):
            if key in example:
                option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
                lines = clean(orjson.dumps(example[key], option=option).decode()).split("\n")
                kept = lines[:LONGEST_EXAMPLE] + (["\N{HORIZONTAL ELLIPSIS}"] if len(lines) > LONGEST_EXAMPLE else [])
                yield Padding(Text(key, style="dim"), (0, 0, 0, 2))
                yield Padding(Text("\n".join(kept)), (0, 0, 0, 4))
        yield Text("")


def _facts(record: ApiRecord) -> Iterator["RenderableType"]:
    """Licence, terms, authentication, and what the provider or marketplace says of it."""
    from rich.text import Text

    licence = f"{record.license} ({record.license_evidence})" if record.license_evidence else record.license
    facts = {
        "id": record.id,
        "authentication": ", ".join(record.auth),
        "licence": licence,
        "terms": record.terms_url or "",
        "category": record.category,
        **{key: _plain(value) for key, value in sorted(record.meta.items())},
    }
    table = _grid(42)
    for label, value in facts.items():
        if value:
            table.add_row(Text(one_line(label, most=30), style="dim"), Text(one_line(value, most=LONGEST_SAID)))
    yield _heading("About")
    yield table
    yield Text("")


def _sources(sources: Sequence[Source]) -> Iterator["RenderableType"]:
    from rich.text import Text

    if not sources:
        return
    distinct = list(dict.fromkeys(sources))
    yield _heading("Sources", "" if len(distinct) == 1 else f"{len(distinct)} give this API; shown above is the first")
    for source in distinct[:MOST_SOURCES]:
        facts = [f"version {source.version}" if source.version else "", source.retrieved_at or ""]
        yield Text.assemble(f"  {source.source}  ", (", ".join(fact for fact in facts if fact), "dim"))
        if source.url:  # never wrapped: it is there to be copied
            yield Text(f"    {clean(source.url)}", style="blue", no_wrap=True, overflow="ignore")
    if len(distinct) > MOST_SOURCES:
        yield Text(f"  {len(distinct) - MOST_SOURCES} more", style="dim")


def _history(history: Sequence[Seen]) -> Iterator["RenderableType"]:
    from rich.text import Text

    known = [seen for seen in history if seen.first_seen or seen.since or seen.gone_at or seen.versions > 1]
    if not known:
        return
    yield Text("")
    yield _heading("History")
    table = _grid(42)
    for seen in known:
        facts = [
            f"first seen {seen.first_seen}" if seen.first_seen else "",
            f"{seen.versions} versions" if seen.versions > 1 else "",
            f"unchanged since {seen.since}" if seen.since and seen.since != seen.first_seen else "",
            f"gone since {seen.gone_at}" if seen.gone_at else "",
        ]
        table.add_row(Text(seen.source), Text(", ".join(fact for fact in facts if fact)))
    yield table


def _heading(text: str, note: str = "") -> "RenderableType":
    from rich.text import Text

    return Text.assemble((text, "bold underline"), (f"  {note}" if note else "", "dim"))


def _grid(*widest: int) -> "Table":
    """A table without lines: columns as wide as what is in them, at most so wide, and one that takes what is left."""
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2), expand=True)
    for width in widest:
        table.add_column(overflow="fold", max_width=width)
    table.add_column(overflow="fold", ratio=1)
    return table


def _plain(value: object) -> str:
    """A fact in words where it is a text or a list of texts, as JSON otherwise."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS).decode()
