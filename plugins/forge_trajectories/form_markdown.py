"""Surface form: Markdown with a table of the parameters."""

from forge_trajectories import phrases
from forge_trajectories.api_view import ApiView, Field
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import bounded, clip, compact_json, indented_json

_ERRORS = ("- `{code}`: {about}", "* **{code}** {about}", "- {code} - {about}", "- `{code}` {about}")
_NAMES = ("Name", "Parameter", "Field", "Argument")
_ABOUTS = ("Description", "Meaning", "Details", "What it is")


def write(api: ApiView, picks: Picks, room: int) -> str:
    """The page, in about ``room`` characters."""
    level = picks.one(("#", "##", "###"))
    parts = [f"{level} {phrases.title(api)}", *_lead(api, picks, room)]
    below = f"{level}#" if picks.below(3) else ""

    def section(heads: tuple[str, ...], body: str) -> None:
        head = picks.one(heads)
        if body:
            parts.append(f"{below} {head}\n\n{body}" if below else f"**{head}**\n\n{body}")

    section(phrases.PARAMETERS, _table(api, picks, room * 4 // 10))
    section(phrases.RETURNS, _returns(api, picks, room // 10))
    section(phrases.EXAMPLE, _example(api, picks, room // 10))
    section(phrases.ERRORS, _errors(api, picks, room // 10))
    section(phrases.AUTH, phrases.auth_line(api, picks) if api.auth else "")
    return "\n\n".join(part for part in parts if part)


def _lead(api: ApiView, picks: Picks, room: int) -> list[str]:
    request = phrases.request_line(api)
    shown = picks.one(("`{}`", "```http\n{}\n```", "**Request:** `{}`", "    {}")).format(request) if request else ""
    lead = [shown, clip(api.description, room * 28 // 100), phrases.origin_line(api, picks)]
    order = picks.one(((0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0)))
    return [lead[place] for place in order]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(api: ApiView, picks: Picks, room: int) -> str:
    if not api.parameters:
        return phrases.no_parameters(picks)
    name, about = picks.one(_NAMES), picks.one(_ABOUTS)
    layout = picks.below(3)
    places = any(field.where for field in api.parameters)
    columns = [[name, "Type", "Required", about], [name, "In", "Type", "Required", about], [name, "Type", about]][
        layout if layout != 1 or places else 0
    ]
    yes, no = picks.one((("yes", "no"), ("Yes", "No"), ("required", "optional"), ("✓", "")))
    rows = [_row(field, columns, yes if field.required else no) for field in api.parameters]
    head = [f"| {' | '.join(columns)} |", f"|{'|'.join(['---'] * len(columns))}|"]
    return "\n".join([*head, *bounded(rows, room=room, more="\n... and {} more")])


def _row(field: Field, columns: list[str], required: str) -> str:
    about = phrases.parameter_about(field, 240)
    values = {"In": field.where, "Type": field.type, "Required": required}
    if "Required" not in columns and field.required:
        about = f"Required. {about}".rstrip()
    cells = [f"`{_cell(field.name)}`", *(_cell(values[column]) for column in columns[1:-1]), _cell(about)]
    return f"| {' | '.join(cells)} |"


def _returns(api: ApiView, picks: Picks, room: int) -> str:
    if not api.returns_type:
        return ""
    lines = [f"- `{field.name}` ({field.type}) {clip(field.description, 120)}".rstrip() for field in api.returns[:40]]
    listing = "\n".join(bounded(lines, room=room, more="- ... and {} more"))
    return f"{phrases.returns_lead(api, picks)}\n\n{listing}".rstrip()


def _example(api: ApiView, picks: Picks, room: int) -> str:
    write_json = picks.one((compact_json, indented_json))
    blocks = []
    for key, said in (("arguments", ""), ("result", picks.one(("Answer:", "Response:", "Gives:")))):
        if key not in api.example or (key == "arguments" and not api.example[key]):
            continue
        text = write_json(api.example[key])
        if len(text) + 40 <= room:
            room -= len(text)
            blocks.append(f"{said}\n\n```json\n{text}\n```".strip())
    return "\n\n".join(blocks)


def _errors(api: ApiView, picks: Picks, room: int) -> str:
    pattern = picks.one(_ERRORS)
    lines = [phrases.error_line(code, about, pattern, limit=160) for code, about in api.errors]
    return "\n".join(bounded(lines, room=room, more="\n... and {} more"))
