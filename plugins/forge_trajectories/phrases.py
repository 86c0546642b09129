"""Wordings that the surface forms share, each with alternatives, so that no phrase recurs in every document."""

from forge_trajectories.api_view import ApiView, Field
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import clip, listed

TARGET = "/#X-Amz-Target="
ACTION = "/#Action="

PARAMETERS = ("Parameters", "Arguments", "Inputs", "Request parameters", "Accepted parameters")
RETURNS = ("Returns", "Response", "Result", "Output", "What it returns")
ERRORS = ("Errors", "Failures", "Possible errors", "Error responses", "When it fails")
AUTH = ("Authentication", "Authorization", "Access", "Credentials", "Security")
EXAMPLE = ("Example", "Sample call", "Example request", "Usage", "For instance")

_PLACES = {
    "path": ("path", "in the path", "part of the path"),
    "query": ("query", "in the query string", "query string"),
    "header": ("header", "sent as a header", "HTTP header"),
    "cookie": ("cookie", "sent as a cookie", "cookie value"),
    "body": ("body", "in the request body", "request body"),
    "formData": ("form", "form field", "in the form data"),
}
_NO_PARAMETERS = (
    "No parameters are documented.",
    "It documents no parameters.",
    "There are no documented parameters.",
    "The call is documented without parameters.",
)
_TYPED = ("Type: {}.", "The answer is of type {}.", "({})", "Answer type: {}.")
_OBJECTS = (
    "An object with the fields below.",
    "The answer is an object.",
    "A successful call gives these fields.",
    "Fields of the answer:",
    "Object:",
)
_LISTS = ("A list; each item has:", "The answer is a list of objects.", "An array, with these fields in each item.")
_AUTH_LINES = (
    "Accepted: {}.",
    "Callers authenticate with {}.",
    "Requires {}.",
    "The request is authorised by {}.",
    "Use {} to authenticate.",
)


def place(field: Field, picks: Picks) -> str:
    """Where a parameter travels, in one of several wordings; empty if not said."""
    options = _PLACES.get(field.where)
    return picks.one(options) if options else field.where


def no_parameters(picks: Picks) -> str:
    """That nothing is documented to be passed."""
    return picks.one(_NO_PARAMETERS)


def auth_line(api: ApiView, picks: Picks) -> str:
    """How callers authenticate, as a sentence."""
    return picks.one(_AUTH_LINES).format(listed(api.auth[:6], last="or"))


def origin_line(api: ApiView, picks: Picks) -> str:
    """Whose operation it is, as a sentence or a line of facts."""
    service = api.service or api.provider
    if not service:
        return ""
    version = f", version {api.version}" if api.version else ""
    by = f" ({api.provider})" if api.provider and api.provider != service else ""
    lines = (
        f"Part of the {service} API{by}{version}.",
        f"Service: {service}{by}{version}",
        f"An operation of {service}{by}{version}.",
        f"API: {service}{by}{version}",
        f"{service}{by}{version}",
        f"Offered by {service}{by}{version}.",
    )
    return picks.one(lines)


def request_line(api: ApiView) -> str:
    """Verb and path: ``GET /users/{id}``; empty where the call has neither.

    Some specifications tell operations of one address apart by a fragment, which is never sent: it is left out, but
    for those that stand for AWS's header or form field.
    """
    path, _, target = api.path.partition(TARGET)
    if target:
        return f"{api.method} {path or '/'} (X-Amz-Target: {target})".strip()
    path, _, action = api.path.partition(ACTION)
    if action:
        return f"{api.method} {path or '/'} (Action={action})".strip()
    return f"{api.method} {path.partition('#')[0]}".strip()


def title(api: ApiView) -> str:
    """The operation's name, or its request line where it has none."""
    return api.name or request_line(api) or "unnamed operation"


def wire_note(field: Field) -> str:
    """That a parameter is sent under another name."""
    return f"Sent as {field.wire}." if field.wire and field.wire != field.name else ""


def parameter_about(field: Field, limit: int) -> str:
    """What is said of a parameter: description, facts, name on the wire."""
    about, note = field.about(limit), wire_note(field)
    if about and note and about[-1] not in ".!?…:":
        about += "."
    return f"{about} {note}".strip()


def returns_lead(api: ApiView, picks: Picks) -> str:
    """What a successful call answers, before its fields are listed."""
    kind = api.returns_type or "any"
    about = clip(api.returns_about, 200)
    if about and about[-1] not in ".!?…:":
        about += "."
    if not api.returns:
        return f"{about} {picks.one(_TYPED).format(kind)}".strip()
    lead = picks.one(_LISTS if kind.startswith("array") else _OBJECTS)
    return f"{about} {lead}".strip()


def error_line(code: str, about: str, picks_line: str, *, limit: int = 240) -> str:
    """One failure by the pattern ``picks_line``, which has ``{code}`` and ``{about}``; without an about, its code."""
    if not about:
        return picks_line.partition("{code}")[0].replace("{about}", "") + code
    return picks_line.replace("{code}", code or "error", 1).replace("{about}", clip(about, limit), 1)
