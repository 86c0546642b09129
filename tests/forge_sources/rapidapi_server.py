"""A marketplace on loopback: its categories, pages by cursor, keys, limits and bad days, from a list of APIs.

`Marketplace` serves; `make_apis` derives any number of APIs from ToolBench's entries, deterministic. Faults are given
by the number of the request (from 1): a status to answer with, or ``DROP`` to break the connection.
"""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROP = 0
KEY = "planted-key-0123456789abcdef"


def make_apis(entries, count, *, categories=("Weather", "Sports", "Data")):
    """``count`` APIs as the marketplace describes them, with one to four endpoints each."""
    apis = []
    for number in range(count):
        chosen = [entries[(number * 7 + step * 3) % len(entries)] for step in range(1 + number % 4)]
        apis.append(
            {
                "id": f"api_{number:06d}",
                "name": f"{chosen[0]['tool_name']} {number}",
                "title": f"Title {number}",
                "description": "Shows <em>things</em>",
                "slugifiedName": f"slug-{number}",
                "pricing": ("FREE", "FREEMIUM", "PAID")[number % 3],
                "updatedAt": f"2025-01-01T00:00:{number:06d}Z",
                "category": categories[number % len(categories)],
                "score": {
                    "popularityScore": (number % 100) / 10,
                    "avgLatency": 100 + number,
                    "avgServiceLevel": 100,
                    "avgSuccessRate": 99,
                },
                "user": {"id": number, "username": f"user{number % 50}"},
                "version": {"id": f"v_{number}", "name": "1.0", "endpoints": _endpoints(number, chosen)},
            }
        )
    return apis


def _endpoints(number, chosen):
    made = []
    for step, entry in enumerate(chosen):
        pairs = [(p, "REQUIRED") for p in entry["required_parameters"]]
        pairs += [(p, "OPTIONAL") for p in entry["optional_parameters"]]
        parameters = [
            {
                "name": p["name"],
                "paramType": p["type"],
                "condition": condition,
                "querystring": entry["method"] == "GET",
                "value": p["default"],
                "description": p["description"],
            }
            for p, condition in pairs
        ]
        made.append(
            {
                "id": f"apiendpoint_{number}_{step}",
                "name": f"{entry['api_name']} {step}",
                "method": entry["method"],
                "route": f"/{step}/thing",
                "description": entry["api_description"],
                "isGraphQL": False,
                "params": {"parameters": parameters},
                "requestPayloads": [],
                "responsePayloads": [{"statusCode": 200, "format": "JSON", "body": json.dumps({"number": number})}],
            }
        )
    return made


class Marketplace:
    """A server. ``asked``: the questions it got, as (category, cursor); ``faults``: see the module."""

    def __init__(self, apis, *, faults=None, keys=(KEY,), expires_after=None, robots="", retry_after="0", before=None):
        self.apis = list(apis)
        self.faults = dict(faults or {})
        self.keys = set(keys)
        self.expires_after = expires_after
        self.robots = robots
        self.retry_after = retry_after
        self.before = before
        self.asked = []
        self.requests = 0
        self.headers = []
        self._lock = threading.Lock()
        market = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._send(200 if market.robots else 404, market.robots.encode(), {"Content-Type": "text/plain"})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with market._lock:
                    status, answer = market.answer(body, dict(self.headers))
                if status == DROP:
                    self.close_connection = True
                    self.connection.close()
                    return
                self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})

            def _send(self, status, body, headers):
                lines = [f"HTTP/1.1 {status} OK", f"Content-Length: {len(body)}", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                if status == 429:
                    lines.append(f"Retry-After: {market.retry_after}")
                self.close_connection = True
                self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

            def log_message(self, format, *args):
                pass

            def finish(self):
                if not self.connection._closed:
                    super().finish()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body, headers):
        """Status and answer to one question."""
        """Status and answer to one question."""
        self.requests += 1
        self.headers.append({name.lower(): value for name, value in headers.items()})
        if self.before is not None:
            self.before(self)
        fault = self.faults.get(self.requests)
        if fault is not None:
            return fault, {"message": "not today"}
        expired = self.expires_after is not None and len(self.asked) >= self.expires_after
        if self.headers[-1].get("x-rapidapi-key") not in self.keys or expired:
            return 401, {"message": f"Invalid API key {self.headers[-1].get('x-rapidapi-key')}"}
        question = json.loads(body)
        if question["operationName"] == "categories":
            nodes = [{"id": name, "name": name} for name in sorted({api["category"] for api in self.apis})]
            return 200, {"data": {"categoriesV2": {"nodes": nodes}}}
        return 200, {"data": {"products": self._page(question["variables"])}}

    def _page(self, variables):
        (category,) = variables["where"]["categoryNames"]
        after, first = variables["pagination"]["after"], variables["pagination"]["first"]
        self.asked.append((category, after))
        (order,) = variables["orderBy"]["sortingFields"]
        wanted = [api for api in self.apis if api["category"] == category]
        if order["fieldName"] == "ByUpdatedAt":
            wanted.sort(key=lambda api: (api.get("updatedAt", ""), api["id"]), reverse=order["by"] == "DESC")
        start = int(base64.b64decode(after).decode()) if after else 0
        end = start + first
        cursor = base64.b64encode(str(end).encode()).decode()
        info = {"hasNextPage": end < len(wanted), "endCursor": cursor}
        return {"nodes": wanted[start:end], "pageInfo": info, "total": len(wanted)}
