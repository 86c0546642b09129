"""The Hugging Face hub's HTTP interface, as far as sources need it: revisions, file lists, addresses of files.

Lists come in pages that name the next one in a ``Link`` header; next pages are followed on the hub's own host only.
The token, if there is one, goes into secret headers and nowhere else.

Source: the hub's API as huggingface_hub speaks it (``/api/datasets/NAME/revision/REV``, ``/tree/REV``, ``/resolve``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import orjson

from forge.errors import FetchError
from forge.steps import Context, HttpRequest, HttpResponse

ENDPOINT = "https://huggingface.co"
TOKEN = "HF_TOKEN"
_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="?next"?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The hub at an ``endpoint``, asked on behalf of the source ``plugin``."""

    endpoint: str
    plugin: str
    context: Context

    def request(self, url: str, *, limit: int | None = None) -> HttpRequest:
        """A request for an address of the hub, with the token if the environment holds one."""
        token = self.context.secret(TOKEN)
        secret = {"authorization": f"Bearer {token}"} if token else {}
        return HttpRequest(url=url, secret_headers=secret, limit=limit, refresh=self.context.refresh)

    def json(self, path: str) -> Any:
        """The JSON answer to ``path``, an address or a path below the endpoint.

        Raises:
            FetchError: there is none, or it is refused; says whether a token or the terms are missing.
        """
        return self._decoded(self._fetch(path))

    def page(self, path: str) -> tuple[HttpResponse, Any]:
        """One page of a list, with its answer, for `next_page`."""
        answer = self._fetch(path)
        return answer, self._decoded(answer)

    def pages(self, path: str) -> Iterator[tuple[str, Any]]:
        """Pages of a list, each with its own address; stops when the hub names no next one."""
        following: str | None = urljoin(self.endpoint, path)
        while following:
            here, answer = following, self._fetch(following)
            yield here, self._decoded(answer)
            following = self.next_page(answer, here)

    def next_page(self, answer: HttpResponse, here: str) -> str | None:
        """The address of the next page, if the answer names one.

        Raises:
            FetchError: it lies on another host, or is the page itself.
        """
        match = _NEXT.search(answer.headers.get("link", ""))
        if match is None:
            return None
        found: str = urljoin(here, match.group(1))
        if urlsplit(found).netloc != urlsplit(self.endpoint).netloc or found == here:
            raise FetchError(f"{here}: its next page is {found}, which is not to be followed", plugin=self.plugin)
        return found

    def resolved(self, name: str, revision: str, path: str, *, kind: str = "") -> str:
        """The address of a file. ``kind``: ``datasets/`` for data sets, nothing for models."""
        return f"{self.endpoint}/{kind}{quote(name)}/resolve/{quote(revision, safe='')}/{quote(path)}"

    def refusal(self, status: int, url: str, headers: Mapping[str, str]) -> FetchError:
        """What a refusal means and what to do about it."""
        said = headers.get("x-error-message") or headers.get("x-error-code") or f"status {status}"
        if status in (401, 403):
            has_token = self.context.secret(TOKEN) is not None
            todo = "accept its terms on its page with the account of that token" if has_token else "set HF_TOKEN"
            said = f"{said}; it is gated, private, or not there: {todo}"
        return FetchError(f"{url}: {said[:300]}", plugin=self.plugin, step="collect")

    def fetch(self, path: str, *, limit: int | None = None) -> HttpResponse:
        """The answer to ``path``, whatever its status."""
        return self.context.http.fetch(self.request(urljoin(self.endpoint, path), limit=limit))

    def _fetch(self, path: str) -> HttpResponse:
        answer = self.fetch(path)
        if answer.status != 200:
            raise self.refusal(answer.status, urljoin(self.endpoint, path), answer.headers)
        return answer

    def _decoded(self, answer: HttpResponse) -> Any:
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise FetchError(f"{answer.url}: did not answer with JSON; is it a hub?", plugin=self.plugin) from error
