"""The mock as a web site, without its sockets: the services of a catalogue under ``/PROVIDER/SERVICE/``, with sessions.

A service is read and routed at its first request. Who sends neither the header ``X-Forge-Session`` nor the cookie
``forge_session`` shares one session with all others that do not.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote as shell_quote
from threading import RLock
from typing import Any
from urllib.parse import quote, unquote

import orjson

from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.mock import MockApi
from forge_trajectories.execution.mock_routing import Found, Router, route_method, route_path, target
from forge_trajectories.execution.mock_session import Session, api_of
from forge_trajectories.execution.mock_wire import Request, asked_of
from forge_trajectories.execution.refusals import invalid, refusal
from forge_trajectories.execution.schemas import Problem, problems
from forge_trajectories.execution.simulators import PROVIDER as SIMULATORS
from forge_trajectories.tools.operation import Operation

SESSION_HEADER = "x-forge-session"
SESSION_COOKIE = "forge_session"
MAX_SESSIONS = 1_000
"""Sessions with a service that are kept; the one not used for longest is forgotten first."""
MAX_ROUTES = 50_000
"""Operations of services that are kept read, some 15 kB each; of those beyond, the service not used for longest is
forgotten with its sessions."""
MAX_DEPTH = 100
"""Levels of an argument; what reads JSON here gives up some way below that."""
READING = ("GET", "HEAD")
_NAMED = 5
"""Services or providers that a refusal names."""
NO_SERVICE = "-"
"""Stands in a URL for the service of a provider that has only one."""

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
        self._served: OrderedDict[Service, _Served] = OrderedDict()
        self._sessions: OrderedDict[tuple[str, Service], Session] = OrderedDict()
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
            return self._index(unquote(parts[1]) if len(parts) > 1 else "", request.method)
        service = (unquote(parts[1]), "" if parts[2] == NO_SERVICE else unquote(parts[2]))
        if service not in self.services:
            return self._unknown(service[0], unquote(parts[2]))
        with self._lock:
            served = self._open(service)
            rest = parts[3] if len(parts) > 3 else ""
            if rest or served.router.find("GET", ""):
                return self._called(request, service, served, rest)
            if request.method in READING:
                return _json(200, {"routes": [_route(item.operation) for item in served.api.routes.values()]})
            return self._called(request, service, served, rest, more=("GET",))

    def _called(
        self, request: Request, service: Service, served: _Served, rest: str, *, more: Sequence[str] = ()
    ) -> Response:
        """``more``: methods that there are at this path besides those of operations."""
        found = served.router.find(request.method, rest)
        if not found and request.method == "HEAD":
            found = served.router.find("GET", rest)
        if not found:
            if methods := [*served.router.methods(rest), *more]:
                return _not_allowed(request.method, methods, service[0])
            said = f"no operation at {request.method} /{rest}; GET {prefix(*service)} lists what there is"
            return _sent(refusal(service[0], 404, said))
        try:
            content = request.content()
        except ValueError as error:
            expected = "form" if "urlencoded" in request.headers.get("content-type", "") else "JSON"
            return _sent(refusal(service[0], 400, f"the body is no {expected}: {error}"))
        try:
            call = _chosen(found, request, content, served.api)
        except _TooDeepError:
            return _sent(refusal(service[0], 400, f"nested deeper than {MAX_DEPTH} levels"))
        if call.wrong:
            return _sent(invalid(service[0], call.wrong))
        return _sent(self._session(request, service).call(call.operation, call.arguments))

    def _open(self, service: Service) -> _Served:
        if service not in self._served:
            operations = self._load(*service)
            self._served[service] = _Served(api_of(operations, seed=self._seed), Router(operations))
            self._forget()
        self._served.move_to_end(service)
        return self._served[service]

    def _forget(self) -> None:
        """Let go of what is too much to keep; never of the service that was read last."""
        kept = sum(len(served.api.routes) for served in self._served.values())
        while kept > MAX_ROUTES and len(self._served) > 1:
            service, served = self._served.popitem(last=False)
            kept -= len(served.api.routes)
            for key in [key for key in self._sessions if key[1] == service]:
                del self._sessions[key]

    def _session(self, request: Request, service: Service) -> Session:
        name = request.headers.get(SESSION_HEADER) or request.cookies().get(SESSION_COOKIE) or ""
        key = (name[:200], service)
        if key not in self._sessions:
            self._sessions[key] = Session(self._served[service].api, seed=self._seed)
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(key)
        return self._sessions[key]

    def _index(self, provider: str, method: str) -> Response:
        shown = [
            {"path": prefix(*service), "routes": count}
            for service, count in sorted(self.services.items())
            if provider in ("", service[0])
        ]
        if not shown:
            return self._unknown(provider)
        if method not in READING:
            return _not_allowed(method, ["GET"])
        return _json(200, {"services": shown, "number": len(shown)})

    def _unknown(self, provider: str, service: str = "") -> Response:
        """The refusal of a service or a provider that is not there, with the next step to take."""
        own = sorted(prefix(*each) for each in self.services if each[0] == provider)
        if own:
            said = f"no service {provider}/{service} here, but {', '.join(own[:_NAMED])}"
            return _json(404, {"error": f"{said}; GET /{quote(provider, safe='')} lists them"})
        wanted = provider.lower()
        like = sorted({f"/{quote(each, safe='')}" for each, _ in self.services if wanted in each.lower().split(".")})
        said = f"no provider {provider} here{', but ' if like else ''}{', '.join(like[:_NAMED])}"
        return _json(404, {"error": f"{said}; GET / lists them"})


def prefix(provider: str, service: str) -> str:
    """Where a service lies: ``/stripe.com/-``."""
    return f"/{quote(provider, safe='')}/{quote(service, safe='') or NO_SERVICE}"


def example(site: MockSite, url: str) -> str:
    """A curl command that the server answers: a reading operation without required arguments, where there is one.

    Of a simulator only where nothing else is served: its tools are functions, and its URLs like no other's.
    """
    smallest = min(
        site.services,
        key=lambda named: (named[0] == SIMULATORS, site.services[named] < 3, site.services[named], named),
    )
    place = f"{url}{prefix(*smallest)}"
    for operation in site.operations(*smallest):
        path = route_path(operation)
        if route_method(operation) == "GET" and not operation.parameters.get("required") and "{" not in path:
            return f"curl -s {shell_quote(place + path)}"
    return f"curl -s {shell_quote(place)}"


class _TooDeepError(Exception):
    """An argument is nested too deep to be checked."""


@dataclass(frozen=True, slots=True)
class _Call:
    """An operation, the arguments that a request has for it, and what is wrong with them, by names on the wire."""

    operation: Operation
    arguments: dict[str, Any]
    wrong: list[Problem]


def _chosen(found: Sequence[Found], request: Request, content: Any, api: MockApi) -> _Call:
    """What is meant, of several operations at one path: the one that is named, or the first that takes the request.

    Raises:
        _TooDeepError: an argument is nested too deep.
    """
    fields = {**dict(request.query), **(content if isinstance(content, dict) else {})}
    named = {"action": fields.get("Action"), "x-amz-target": request.headers.get("x-amz-target")}
    candidates = [item for item in found if _is_named(item.operation, named)] or list(found)
    first: _Call | None = None
    for item in candidates[:50]:
        operation = item.operation
        asked = asked_of(operation, request, item.values, content)
        if _is_deep(asked.arguments, MAX_DEPTH):
            raise _TooDeepError
        wrong = asked.as_sent(operation, problems(api.routes[operation.tool].validator, asked.arguments))
        call = _Call(operation, asked.arguments, [*wrong, *asked.unknown])
        if not call.wrong:
            return call
        first = first or call
    assert first is not None
    return first


def _is_deep(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in it more than ``levels`` deep."""
    if not isinstance(value, (dict, list)):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels < 0 or any(_is_deep(item, levels - 1) for item in inside)


def _is_named(operation: Operation, named: Mapping[str, Any]) -> bool:
    wanted = target(operation)
    return wanted is not None and named.get(wanted[0]) == wanted[1]


def _route(operation: Operation) -> dict[str, str]:
    return {"method": route_method(operation), "path": route_path(operation), "tool": operation.tool}


def _sent(observation: Observation, headers: Mapping[str, str] | None = None) -> Response:
    return Response(observation.status, observation.content.encode(), headers or {})


def _not_allowed(method: str, methods: Sequence[str], provider: str = "") -> Response:
    """What a path answers to a method that it does not have; OPTIONS asks just for that."""
    extra = ["OPTIONS", *(["HEAD"] if "GET" in methods else [])]
    headers = {"Allow": ", ".join(sorted({*methods, *extra}))}
    if method == "OPTIONS":
        return Response(200, orjson.dumps({"allow": sorted({*methods, *extra})}), headers)
    said = f"method not allowed: {method}; there is {headers['Allow']}"
    if not provider:
        return Response(405, orjson.dumps({"error": said}), headers)
    return _sent(refusal(provider, 405, said), headers)


def _json(status: int, value: Any) -> Response:
    return Response(status, orjson.dumps(value))
