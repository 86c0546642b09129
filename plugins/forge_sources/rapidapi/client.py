"""Asking the marketplace, politely: one request at a time, at most so many a second, each answer kept at once.

Retries, waits that the server asks for (``Retry-After``), robots.txt and limits of size are the HTTP client's. A page
is kept under its cursor as soon as it is known to be one, so that nothing that was paid for is asked for twice; the key
is sent as a secret header and cut out of whatever is kept or said.
"""

import datetime
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from forge.errors import FetchError, StepError
from forge.secrets import HIDDEN, redact, redact_url
from forge.steps import Context, HttpRequest
from forge_sources.harvest import Harvest, Page
from forge_sources.rapidapi import query

KEY = "RAPIDAPI_KEY"
IDENTITY_KEY = "RAPIDAPI_IDENTITY_KEY"
REFUSED = frozenset({401, 403})


@dataclass(kw_only=True)
class Marketplace:
    """The marketplace behind one address.

    Attributes:
        url: where questions go. host: of the ``x-rapidapi-host`` header; empty: that of the address.
        page_size: APIs a page. requests_per_second: at most.
        asked: requests made so far.
    """

    url: str
    host: str
    page_size: int
    requests_per_second: float
    robots: bool
    harvest: Harvest
    context: Context
    asked: int = field(default=0, init=False)
    _next: float = field(default=0.0, init=False)

    def page(self, category: str, cursor: str, *, order: str, by: str, label: str) -> tuple[Page, query.Answer]:
        """The page of a category after ``cursor``, from the harvest or from the marketplace.

        Raises:
            StepError: the key is missing or refused, the marketplace cannot be reached or answers strangely.
        """
        key = f"{label}\n{category}\n{cursor}"
        kept = self.harvest.get(key)
        if kept is not None:
            return kept, query.read_page(kept.body)
        body = self.ask(query.page_body(category, cursor, first=self.page_size, order=order, by=by))
        try:
            answer = query.read_page(body)
        except (query.RefusedKey, query.StrangeAnswer) as error:
            raise self._error(error, f"{category!r}") from error
        return self.harvest.keep(key, body, category=category, date=_today(), cursor=answer.cursor), answer

    def categories(self, label: str) -> list[str]:
        """Names of all categories, sorted; asked once a harvest.

        Raises:
            StepError: as `page`.
        """
        kept = self.harvest.get(f"{label}\ncategories")
        body = kept.body if kept is not None else self.ask(query.categories_body())
        try:
            names = query.read_categories(body)
        except (query.RefusedKey, query.StrangeAnswer) as error:
            raise self._error(error, "the categories") from error
        if kept is None:
            self.harvest.keep(f"{label}\ncategories", body, date=_today())
        return names

    def ask(self, body: bytes) -> bytes:
        """The answer to one question, without the key if the server should repeat it.

        Raises:
            StepError: as `page`.
        """
        secrets = self._secrets()
        headers = {"content-type": "application/json", "x-rapidapi-host": self.host or urlsplit(self.url).netloc}
        request = HttpRequest(
            url=self.url, method="POST", headers=headers, secret_headers=secrets, body=body, robots=self.robots
        )
        self._pace()
        try:
            response = self.context.http.fetch(request)
        except FetchError as error:
            raise self._failure(f"{error.message}; {self._kept()}") from error
        answer = response.body
        for secret in secrets.values():
            answer = answer.replace(secret.encode(), HIDDEN.encode())
        if response.status in REFUSED:
            raise self._refused(f"{response.status}{_said(answer)}")
        if response.status >= 400:
            where = redact_url(self.url)
            raise self._failure(f"{where} answered {response.status}{_said(answer)}; {self._kept()}")
        return answer

    def _secrets(self) -> dict[str, str]:
        key = self.context.secret(KEY)
        if key is None:
            raise self._failure(
                f"no key: set the environment variable {KEY} to a RapidAPI key and run the same command again; "
                f"{self._kept()}"
            )
        identity = self.context.secret(IDENTITY_KEY)
        return {"x-rapidapi-key": key} | ({"x-rapidapi-identity-key": identity} if identity else {})

    def _pace(self) -> None:
        wait = self._next - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next = time.monotonic() + 1 / self.requests_per_second
        self.asked += 1

    def _error(self, error: Exception, what: str) -> StepError:
        if isinstance(error, query.RefusedKey):
            return self._refused("the answer says so")
        where = redact_url(self.url)
        return self._failure(f"{where} gave a strange answer for {what}: {redact(str(error))}; {self._kept()}")

    def _refused(self, why: str) -> StepError:
        return self._failure(
            f"the marketplace refuses the key in {KEY} ({why}): it has expired, or its account may not use this "
            f"interface; set {KEY} to one that may and run the same command again; {self._kept()}"
        )

    def _kept(self) -> str:
        pages = sum(1 for _ in self.harvest.folder.glob("*/*.page"))
        return f"the {pages} pages fetched so far are kept" if pages else "nothing was fetched yet"

    def _failure(self, message: str) -> StepError:
        return StepError(message, plugin="rapidapi", step="collect")


def _said(answer: bytes) -> str:
    """What a refusal says, cut to a line."""
    try:
        message = orjson.loads(answer)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return f": {redact(' '.join(str(message).split())[:160])}"


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()
