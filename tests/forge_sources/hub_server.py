"""A Hugging Face hub on loopback: data sets and models, with pages, redirects to a storage host, gates and bad days.

`Hub` serves the interface at `Hub.base` and the bytes at another port, as the real one does. ``seen`` holds
``(host, path, headers)`` of every request, ``faults`` maps a path to answers given before the right one: a status, or
`CUT`, which sends half of the body and breaks the connection.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

SHA = "a" * 39 + "1"
TOKEN = "hf_planted_token_0123456789"
CUT = 0


class Hub:
    def __init__(self, *, gated=(), page=2):
        self.datasets, self.models = {}, []
        self.cards, self.gated, self.page = {}, set(gated), page
        self.facts, self.faults, self.seen = {}, {}, []
        self.servers = [self._serve("hub"), self._serve("storage")]
        self.base, self.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in self.servers)

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def asked(self, part, host="hub"):
        return [headers for seen, path, headers in self.seen if seen == host and part in path]

    def _serve(self, host):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                hub.seen.append((host, unquote(self.path), headers))
                answer = hub.storage_answer if host == "storage" else hub.answer
                self.give(*answer(unquote(urlsplit(self.path).path), parse_qs(urlsplit(self.path).query), headers))

            def give(self, status, head, body, cut=False):
                lines = [
                    f"HTTP/1.1 {status} X",
                    f"Content-Length: {len(body)}",
                    *(f"{k}: {v}" for k, v in head.items()),
                ]
                sent = body[: len(body) // 2] if cut else body
                self.wfile.write("\r\n".join([*lines, "", ""]).encode() + sent)
                if cut:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    def answer(self, path, query, headers):
        if self.faults.get(path):
            status = self.faults[path].pop(0)
            return status, {"Retry-After": "0"} if status == 429 else {}, b"bad day"
        if path == "/api/models":
            return self._models(query)
        if path.startswith("/api/models/"):
            found = [model for model in self.models if model["id"] == path.removeprefix("/api/models/")]
            return self._json(found[0]) if found else (404, {"X-Error-Code": "RepoNotFound"}, b"")
        name = next((name for name in (*self.datasets, *self.cards) if f"/{name}/" in path), "")
        if name in self.gated and headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this data set is restricted"}, b""
        rest = path.partition(f"/{name}/")[2]
        if path.startswith(f"/api/datasets/{name}/revision/") and name:
            facts = {"id": name, "sha": SHA, "gated": "manual" if name in self.gated else False}
            return self._json({**facts, "cardData": self.facts.get(name)})
        if rest.startswith(f"tree/{SHA}"):
            return self._page(self._entries(name), query, f"/api/datasets/{name}/tree/{SHA}?recursive=true")
        if rest.startswith("resolve/") and path.startswith("/datasets/"):
            return (
                302,
                {"Location": f"{self.storage}/{name}/{rest.partition('/')[2].partition('/')[2]}?Signature=x"},
                b"",
            )
        if rest.endswith("/README.md") and name in self.cards:
            return 200, {}, self.cards[name].encode()
        return 404, {"X-Error-Code": "EntryNotFound"}, b""

    def storage_answer(self, path, _query, headers):
        name = next(name for name in self.datasets if path.startswith(f"/{name}/"))
        body = self.datasets[name][path.removeprefix(f"/{name}/")]
        head = {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "Accept-Ranges": "bytes"}
        wants = headers.get("range")
        start = int(wants.removeprefix("bytes=").rstrip("-")) if wants else 0
        if start:
            head["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        cut = bool(self.faults.get(path)) and self.faults[path].pop(0) == CUT
        return 206 if start else 200, head, body[start:], cut

    def _entries(self, name):
        for path, body in self.datasets[name].items():
            lfs = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 130}
            yield {"type": "file", "path": path, "size": len(body), "oid": "b" * 40, "lfs": lfs}
        yield {"type": "directory", "path": "data", "size": 0, "oid": "c" * 40}
        yield {"type": "file", "path": "README.md", "size": 10, "oid": "d" * 40}

    def _models(self, query):
        wanted = {"pipeline_tag": query.get("pipeline_tag"), "author": query.get("author")}
        found = [
            model
            for model in self.models
            if not wanted["pipeline_tag"] or model["pipeline_tag"] in wanted["pipeline_tag"]
        ]
        found = [model for model in found if not wanted["author"] or model["id"].split("/")[0] in wanted["author"]]
        found = sorted(found, key=lambda model: -model["downloads"])
        return self._page(
            found, query, "/api/models?" + "&".join(f"{k}={v}" for k, vs in query.items() for v in vs if k != "cursor")
        )

    def _page(self, entries, query, again):
        entries, at = list(entries), int(query.get("cursor", ["0"])[0])
        following = at + self.page
        head = {"Link": f'<{self.base}{again}&cursor={following}>; rel="next"'} if following < len(entries) else {}
        return self._json(entries[at:following], head)

    def _json(self, value, head=None):
        return 200, {"Content-Type": "application/json", **(head or {})}, json.dumps(value).encode()
