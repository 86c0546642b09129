"""The mock server over 10,000 routes of a real catalogue: start, validated requests a second in process and over HTTP.

    python benchmarks/mock_server.py WORKSPACE [--routes 10000] [--requests 100000]

WORKSPACE holds a built catalogue (`forge build` of ``examples/catalogue``). Every request is checked against its
operation's schema and answered; arguments are made for it beforehand, and one request in ten is spoilt so that it has
to be refused. The routes are called in a random order: the first pass compiles their validators, which is counted.
"""

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from forge.catalog import SnapshotView
from forge.workspace import Workspace
from forge_trajectories.execution.mock import MockApi, MockEnvironment
from forge_trajectories.execution.mock_http import serving
from forge_trajectories.execution.mock_site import MockSite, prefix
from forge_trajectories.execution.values import made_value
from forge_trajectories.picking import Picks
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.operations import operation_of

Call = tuple[str, dict[str, Any]]


def operations(workspace: Workspace, *, routes: int) -> list[Operation]:
    """Operations from every bucket of the catalogue's snapshot, the same number of each."""
    folder = next(path.parent for path in sorted(workspace.state("catalog").glob("*/snapshot.json")))
    view = SnapshotView(folder)
    taken: set[str] = set()
    found: list[Operation] = []
    buckets = view.buckets()
    for number, bucket in enumerate(buckets, 1):
        for record in view.read(bucket):
            operation = operation_of(record, taken=taken)
            if operation is not None:
                found.append(operation)
            if len(found) >= routes * number // len(buckets):
                break
    return found


def call_of(operation: Operation) -> Call:
    """A call with what the operation requires."""
    required = operation.parameters.get("required", ())
    properties = operation.parameters["properties"]
    return operation.tool, {name: made_value(name, properties[name], Picks(operation.api + name)) for name in required}


def in_process(found: list[Operation], calls: list[Call]) -> dict[str, Any]:
    """Start and requests a second of processor time: of the first pass, and of all."""
    started = time.perf_counter()
    environment = MockEnvironment(MockApi(found))
    start = time.perf_counter() - started
    statuses: Counter[str] = Counter()
    begun = time.process_time()
    first = 0.0
    for number, (tool, arguments) in enumerate(calls):
        statuses[f"{environment.call(tool, arguments).status // 100}xx"] += 1
        if number + 1 == len(found):
            first = time.process_time() - begun
    spent = time.process_time() - begun
    return {
        "routes": len(found),
        "start_seconds": round(start, 3),
        "first_pass_per_second": round(len(found) / first),
        "requests_per_second": round(len(calls) / spent),
        "statuses": dict(sorted(statuses.items())),
    }


def over_http(found: list[Operation], *, requests: int) -> dict[str, Any]:
    """Requests a second of one client with one connection kept open, to reading operations of one service."""
    import httpx

    sizes = Counter((each.provider, each.service) for each in found if each.method == "GET")
    service = sizes.most_common(1)[0][0]
    own = [each for each in found if (each.provider, each.service) == service]
    paths = [each.path for each in own if each.method == "GET" and "{" not in each.path and "#" not in each.path]
    site = MockSite({service: len(own)}, lambda *_: own)
    with serving(site) as server, httpx.Client(base_url=server.url) as client:
        client.get(prefix(*service) + paths[0])
        started = time.perf_counter()
        for number in range(requests):
            client.get(prefix(*service) + paths[number % len(paths)])
        rate = round(requests / (time.perf_counter() - started))
        return {"http_requests_per_second": rate, "http_routes": len(own)}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    found = operations(Workspace(options.workspace), routes=options.routes)
    calls = [call_of(each) for each in found]
    order = random.Random(7)
    sent: list[Call] = []
    while len(sent) < options.requests:
        order.shuffle(calls)
        sent += [(tool, {**given, "no_such": 1}) if order.random() < 0.1 else (tool, given) for tool, given in calls]
    print(json.dumps({**in_process(found, sent[: options.requests]), **over_http(found, requests=2_000)}, indent=1))


if __name__ == "__main__":
    main()
