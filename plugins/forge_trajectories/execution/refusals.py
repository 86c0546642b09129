"""How servers say no: a provider keeps to one of half a dozen shapes of error bodies that are common on the web."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from forge.records import JsonObject
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.schemas import Problem
from forge_trajectories.picking import Picks

Body = Callable[[int, str, Sequence[Problem]], JsonObject]

NAMES: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def refusal(
    provider: str, status: int, message: str, *, problems: Sequence[Problem] = (), more: JsonObject | None = None
) -> Observation:
    """The answer of a provider that refuses a call.

    Args:
        provider: its name decides the shape of the body.
        status: as HTTP has it. For arguments that break the schema: 400; some providers answer 422 instead.
        message: what went wrong, for a reader.
        problems: the arguments that are wrong, each named.
        more: fields to add: ``retry_after``.
    """
    shape = Picks(f"errors of {provider}").below(len(_BODIES))
    if problems and status == 400:
        status = (400, 400, 422, 400, 422, 400)[shape]
    body = {**_BODIES[shape](status, message, problems), **(more or {})}
    return Observation(content=orjson.dumps(body).decode(), status=status, origin="mock", value=body)


def invalid(provider: str, found: Sequence[Problem]) -> Observation:
    """The refusal of arguments that break the schema; every message names its field."""
    message = "; ".join(_said(problem) for problem in found)
    return refusal(provider, 400, message, problems=found)


def _said(problem: Problem) -> str:
    if not problem.field or problem.field in problem.message:
        return problem.message
    return f"{problem.field}: {problem.message}"


def _nested(status: int, message: str, problems: Sequence[Problem]) -> JsonObject:
    error: dict[str, Any] = {"code": status, "message": message, "status": NAMES[status].upper().replace(" ", "_")}
    if problems:
        error["details"] = [{"field": problem.field, "description": problem.message} for problem in problems]
    return {"error": error}


def _flat(status: int, message: str, problems: Sequence[Problem]) -> JsonObject:
    body: dict[str, Any] = {"message": message, "code": status}
    if problems:
        body["errors"] = [{"field": problem.field, "code": problem.rule} for problem in problems]
    return body


def _located(_status: int, message: str, problems: Sequence[Problem]) -> JsonObject:
    if not problems:
        return {"detail": message}
    return {
        "detail": [
            {"loc": problem.field.split("."), "msg": problem.message, "type": problem.rule} for problem in problems
        ]
    }


def _typed(status: int, message: str, problems: Sequence[Problem]) -> JsonObject:
    kind = "ValidationException" if problems else f"{NAMES[status].title().replace(' ', '')}Exception"
    return {"__type": kind, "message": message}


def _problem_details(status: int, message: str, problems: Sequence[Problem]) -> JsonObject:
    """RFC 9457."""
    body: dict[str, Any] = {"type": "about:blank", "title": NAMES[status], "status": status, "detail": message}
    if problems:
        body["invalid-params"] = [{"name": problem.field, "reason": problem.message} for problem in problems]
    return body


def _listed(status: int, message: str, problems: Sequence[Problem]) -> JsonObject:
    if not problems:
        return {"success": False, "errors": [{"status": str(status), "message": message}]}
    return {
        "success": False,
        "errors": [{"status": str(status), "source": item.field, "message": _said(item)} for item in problems],
    }


_BODIES: tuple[Body, ...] = (_nested, _flat, _located, _typed, _problem_details, _listed)
