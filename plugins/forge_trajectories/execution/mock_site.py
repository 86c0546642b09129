"""The mock as a web site, without its sockets: the services of a catalogue under ``/PROVIDER/SERVICE/``, with sessions.

A service is read and routed at its first request. Who sends neither the header ``X-Forge-Session`` nor the cookie
``forge_session`` shares one session with all others that do not.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any
from urllib.parse import quote, unquote

import orjson

from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.mock import MockApi, MockEnvironment
from forge_trajectories.execution.mock_routing import Found, Router, route_method, route_path, target
from forge_trajectories.execution.mock_wire import Request, arguments_of
from forge_trajectories.execution.refusals import refusal
from forge_trajectories.execution.schemas import problems
from forge_trajectories.tools.operation import Operation

SESSION_HEADER = "x-forge-session"
SESSION_COOKIE = "forge_session"
MAX_SESSIONS = 1_000
"""Sessions with a service that are kept; the one not used for longest is forgotten first."""
NO_SERVICE = "-"
"""Stands in a URL for the service of a provider that has only one."""
_SHOWN = 1_000

Service = tuple[str, str]
"""Provider and service."""


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Served:
    api: MockApi
    router: Router


class MockSite:
    """Answers requests for the services of a catalogue; safe to use from several threads.

    Args:
        services: how many operations each has.
        load: reads the operations of one.
        seed: of the answers.
    """

    def __init__(
        self, services: Mapping[Service, int], load: Callable[[str, str], Sequence[Operation]], *, seed: int = 0
    ) -> None:
        self.services = services
        self._load = load
        self._seed = seed
        self._served: dict[Service, _Served] = {}
        self._sessions: OrderedDict[tuple[str, Service], MockEnvironment] = OrderedDict()
        self._lock = RLock()

    @property
    def routes(self) -> int:
        """How many operations there are."""
        return sum(self.services.values())

    def operations(self, provider: str, service: str) -> list[Operation]:
        """The operations of a service."""
        with self._lock:
            return [route.operation for route in self._open((provider, service)).api.routes.values()]

    def answer(self, request: Request) -> Response:
        """The response to a request; it never raises for what a client sent."""
        parts = request.path.split("/", 3)
        if len(parts) < 3 or not parts[2]:
            return self._index(unquote(parts[1]) if len(parts) > 1 else "")
        service = (unquote(parts[1]), "" if parts[2] == NO_SERVICE else unquote(parts[2]))
        if service not in self.services:
            return _json(404, {"error": f"no service {parts[1]}/{parts[2]} here; GET / lists them"})
        with self._lock:
            served = self._open(service)
            rest = parts[3] if len(parts) > 3 else ""
            if not rest and request.method == "GET" and not served.router.find("GET", ""):
                return _json(200, {"routes": [_route(item.operation) for item in served.api.routes.values()][:_SHOWN]})
            return self._called(request, service, served, rest)

    def _called(self, request: Request, service: Service, served: _Served, rest: str) -> Response:
        found = served.router.find(request.method, rest)
        if not found and request.method == "HEAD":
            found = served.router.find("GET", rest)
        if not found:
            allowed = served.router.methods(rest)
            if allowed:
                return _sent(refusal(service[0], 405, "method not allowed"), {"Allow": ", ".join(allowed)})
            return _sent(refusal(service[0], 404, f"no operation at {request.method} /{rest}"))
        try:
            content = request.content()
        except ValueError as error:
            return _sent(refusal(service[0], 400, f"the body is no JSON: {error}"))
        chosen, arguments = _chosen(found, request, content, served.api)
        return _sent(self._session(request, service).call(chosen.tool, arguments))

    def _open(self, service: Service) -> _Served:
        if service not in self._served:
            operations = self._load(*service)
            self._served[service] = _Served(MockApi(operations, seed=self._seed), Router(operations))
        return self._served[service]

    def _session(self, request: Request, service: Service) -> MockEnvironment:
        name = request.headers.get(SESSION_HEADER) or request.cookies().get(SESSION_COOKIE) or ""
        key = (name[:200], service)
        if key not in self._sessions:
            self._sessions[key] = MockEnvironment(self._served[service].api)
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(key)
        return self._sessions[key]

    def _index(self, provider: str) -> Response:
        shown = [
            {"path": prefix(*service), "routes": count}
            for service, count in sorted(self.services.items())
            if provider in ("", service[0])
        ]
        if not shown:
            return _json(404, {"error": f"no provider {provider} here; GET / lists them"})
        return _json(200, {"services": shown[:_SHOWN], "number": len(shown)})


def prefix(provider: str, service: str) -> str:
    """Where a service lies: ``/stripe.com/-``."""
    return f"/{quote(provider, safe='')}/{quote(service, safe='') or NO_SERVICE}"


def _chosen(found: Sequence[Found], request: Request, content: Any, api: MockApi) -> tuple[Operation, dict[str, Any]]:
    """The operation that is meant, of several at one path: the one that is named, or the first that takes it."""
    fields = {**dict(request.query), **(content if isinstance(content, dict) else {})}
    named = {"action": fields.get("Action"), "x-amz-target": request.headers.get("x-amz-target")}
    candidates = [item for item in found if _is_named(item.operation, named)] or list(found)
    first: tuple[Operation, dict[str, Any]] | None = None
    for item in candidates[:50]:
        arguments = arguments_of(item.operation, request, item.values, content)
        if len(candidates) == 1 or not problems(api.routes[item.operation.tool].validator, arguments):
            return item.operation, arguments
        first = first or (item.operation, arguments)
    assert first is not None
    return first


def _is_named(operation: Operation, named: Mapping[str, Any]) -> bool:
    wanted = target(operation)
    return wanted is not None and named.get(wanted[0]) == wanted[1]


def _route(operation: Operation) -> dict[str, str]:
    return {"method": route_method(operation), "path": route_path(operation), "tool": operation.tool}


def _sent(observation: Observation, headers: Mapping[str, str] | None = None) -> Response:
    return Response(observation.status, observation.content.encode(), headers or {})


def _json(status: int, value: Any) -> Response:
    return Response(status, orjson.dumps(value))
