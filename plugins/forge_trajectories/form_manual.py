"""Surface form: a page of a reference manual, in plain text."""

from forge_trajectories import phrases
from forge_trajectories.api_view import ApiView, Field
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import bounded, clip, compact_json, wrap

WIDTH = 100
_ERRORS = ("  {code}  {about}", "- {code}: {about}", "* {code} - {about}", "{code}: {about}")
_RULES = ("=", "-", "~", "")


def write(api: ApiView, picks: Picks, room: int) -> str:
    """The page, in about ``room`` characters."""
    heading = picks.one((_underlined, _capitals, _colon))
    parts = [_head(api, picks), wrap(clip(api.description, room * 3 // 10), width=WIDTH)]
    sections = [
        (heading(picks.one(phrases.PARAMETERS)), _parameters(api, picks, room * 4 // 10)),
        (heading(picks.one(phrases.RETURNS)), _returns(api, picks, room // 10)),
        (heading(picks.one(phrases.ERRORS)), _errors(api, picks, room // 10)),
        (heading(picks.one(phrases.AUTH)), phrases.auth_line(api, picks) if api.auth else ""),
        (heading(picks.one(phrases.EXAMPLE)), _example(api, room // 10)),
    ]
    if picks.below(3) == 0:
        sections.insert(0, sections.pop(3))  # some manuals say first who may call
    parts += [f"{head}\n{body}" for head, body in sections if body]
    return "\n\n".join(part for part in parts if part)


def _underlined(text: str) -> str:
    return f"{text}\n{'-' * len(text)}"


def _capitals(text: str) -> str:
    return text.upper()


def _colon(text: str) -> str:
    return f"{text}:"


def _head(api: ApiView, picks: Picks) -> str:
    title = phrases.title(api)
    rule = picks.one(_RULES)
    lines = [title, rule * len(title) if rule else "", phrases.request_line(api), phrases.origin_line(api, picks)]
    if picks.below(2):
        lines[2:] = [lines[3], lines[2]]
    return "\n".join(line for line in lines if line)


def _parameters(api: ApiView, picks: Picks, room: int) -> str:
    if not api.parameters:
        return phrases.no_parameters(picks)
    write_one = picks.one((_definition, _bullet, _trailing))
    places = {field.where: phrases.place(field, picks) for field in api.parameters[:8]}
    lines = [write_one(field, places.get(field.where, field.where)) for field in api.parameters]
    return "\n".join(bounded(lines, room=room))


def _traits(field: Field, place: str) -> str:
    return ", ".join(part for part in (field.type, "required" if field.required else "optional", place) if part)


def _definition(field: Field, place: str) -> str:
    about = phrases.parameter_about(field, 300)
    head = f"{field.name} : {_traits(field, place)}"
    return f"{head}\n{wrap(about, width=WIDTH, indent='    ')}" if about else head


def _bullet(field: Field, place: str) -> str:
    about = phrases.parameter_about(field, 300)
    text = f"- {field.name} ({_traits(field, place)}){': ' if about else ''}{about}"
    return wrap(text, width=WIDTH, indent="  ", first="")


def _trailing(field: Field, place: str) -> str:
    about = phrases.parameter_about(field, 300)
    text = f"{field.name}{' - ' if about else ''}{about} [{_traits(field, place)}]"
    return wrap(text, width=WIDTH, indent="    ", first="")


def _returns(api: ApiView, picks: Picks, room: int) -> str:
    if not api.returns_type:
        return ""
    lines = [f"  {field.name} ({field.type}) {clip(field.description, 120)}".rstrip() for field in api.returns[:40]]
    return "\n".join([wrap(phrases.returns_lead(api, picks), width=WIDTH), *bounded(lines, room=room)])


def _errors(api: ApiView, picks: Picks, room: int) -> str:
    pattern = picks.one(_ERRORS)
    lines = [phrases.error_line(code, about, pattern, limit=160) for code, about in api.errors]
    return "\n".join(bounded(lines, room=room))


def _example(api: ApiView, room: int) -> str:
    lines = []
    if api.example.get("arguments"):
        lines.append(f"  {phrases.title(api)} {compact_json(api.example['arguments'])}")
    if "result" in api.example:
        lines.append(f"  -> {compact_json(api.example['result'])}")
    return "\n".join(clip(line, room // len(lines)) for line in lines)
