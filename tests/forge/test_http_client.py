"""`HttpClient` against a real server on loopback: cache, retries, limits."""

import email.utils
import gzip
import pickle
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from forge.clients.bodies import decoded
from forge.clients.failures import Again, Final, growing_wait, is_passing, retry_after, spread
from forge.clients.http import HttpClient
from forge.errors import FetchError
from forge.steps import HttpRequest

FRESH = {"Cache-Control": "max-age=600"}


def test_fresh_answer_is_asked_for_once(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (200, FRESH, b"one"), (200, {}, b"two"))
    assert [client.get(url), client.get(url)] == [b"one", b"one"]
    assert len(site.seen) == 1


def test_cache_outlives_the_client_and_pickle(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (200, FRESH, b"one"), (200, {}, b"two"))
    client.get(url)
    other = pickle.loads(pickle.dumps(client))
    assert other.get(url) == b"one"
    other.close()
    assert len(site.seen) == 1


def test_uncacheable_answer_is_asked_for_again(site: Any, client: HttpClient) -> None:
    no = {"Cache-Control": "no-store"}
    url = site.on("/a", (200, no, b"one"), (200, no, b"two"))
    assert [client.get(url), client.get(url)] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("given", "asks"),
    [({"ETag": '"v1"'}, "if-none-match"), ({"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, "if-modified-since")],
)
def test_refresh_asks_whether_the_answer_still_holds(
    site: Any, client: HttpClient, given: dict[str, str], asks: str
) -> None:
    url = site.on("/a", (200, {**FRESH, **given}, b"one"), (304, {**FRESH, **given}, b""))
    client.get(url)
    answer = client.fetch(HttpRequest(url=url, refresh=True))
    assert (answer.status, answer.body) == (200, b"one")
    assert asks not in site.seen[0].headers
    assert asks in site.seen[1].headers
    client.get(url)
    assert len(site.seen) == 2


def test_refresh_takes_what_is_new(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (200, FRESH, b"one"), (200, FRESH, b"two"))
    client.get(url)
    assert client.fetch(HttpRequest(url=url, refresh=True)).body == b"two"
    assert client.get(url) == b"two"


def test_posts_are_sent_and_not_cached(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (200, FRESH, b"one"), (200, FRESH, b"two"))
    request = HttpRequest(url=url, method="POST", body=b'{"q":1}', headers={"Content-Type": "application/json"})
    assert [client.fetch(request).body, client.fetch(request).body] == [b"one", b"two"]
    assert [seen.body for seen in site.seen] == [b'{"q":1}'] * 2


def test_other_methods_are_refused(site: Any, client: HttpClient) -> None:
    with pytest.raises(FetchError, match="DELETE"):
        client.fetch(HttpRequest(url=site.base, method="DELETE"))
    assert not site.seen


def test_paging_goes_on_through_every_trouble(site: Any, client: HttpClient) -> None:
    busy, broken, cut = (429, {"Retry-After": "0"}, b""), (500, {}, b""), (200, {"Content-Length": "10"}, b"half")
    for page in range(6):
        trouble = [[busy], [broken], [None], [cut], [busy, broken, None], []][page]
        site.on(f"/{page}", *trouble, (200, {}, str(page).encode()))
    assert [client.get(f"{site.base}/{page}") for page in range(6)] == [b"0", b"1", b"2", b"3", b"4", b"5"]


def test_waits_as_long_as_retry_after_asks(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (429, {"Retry-After": "1"}, b""), (200, {}, b"done"))
    begin = time.monotonic()
    assert client.get(url) == b"done"
    assert time.monotonic() - begin >= 1.0


def test_endless_retry_after_is_a_refusal(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (429, {"Retry-After": "86400"}, b""))
    with pytest.raises(FetchError, match=r"answered 429 and asks for a wait of 86400 s; .*again after that"):
        client.get(url)
    assert len(site.seen) == 1


def test_gives_up_after_four_failures(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (500, {}, b""))
    with pytest.raises(FetchError, match="answered 500 after 4 attempts; try again later"):
        client.fetch(HttpRequest(url=url))
    assert len(site.seen) == 4


def test_a_cached_refusal_is_not_served_to_the_next_attempt(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (503, FRESH, b""), (200, {}, b"done"))
    assert client.get(url) == b"done"


def test_not_found_is_an_answer_of_fetch_and_an_error_of_get(site: Any, client: HttpClient) -> None:
    url = site.on("/thing", (404, {"X-Why": "gone"}, b"no such thing"))
    answer = client.fetch(HttpRequest(url=url))
    assert (answer.status, answer.body, answer.headers["x-why"], answer.url) == (404, b"no such thing", "gone", url)
    with pytest.raises(FetchError, match="/thing: the server answered 404 Not Found; check the address"):
        client.get(url)


def test_announced_length_over_the_limit_is_refused_at_once(site: Any, client: HttpClient) -> None:
    url = site.on("/a", (200, {"Content-Length": "1000001"}, b"x"))
    with pytest.raises(FetchError, match=r"/a: larger than 1 MB$"):
        client.get(url)
    assert len(site.seen) == 1


def test_body_without_a_length_is_counted(site: Any, client: HttpClient) -> None:
    body = b"".join(b"186a0\r\n" + b"x" * 100_000 + b"\r\n" for _ in range(10)) + b"0\r\n\r\n"
    url = site.on("/a", (200, {"Transfer-Encoding": "chunked"}, body))
    assert len(client.get(url)) == 10**6
    with pytest.raises(FetchError, match=r"larger than 0\.5 MB"):
        client.fetch(HttpRequest(url=url, limit=500_000, refresh=True))


def test_gzip_bomb_ends_at_the_limit_without_growth(site: Any, client: HttpClient) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    url = site.on("/bomb", (200, {"Content-Encoding": "gzip"}, bomb))
    client.get(site.on("/small", (200, {}, b"imports what is needed")))
    tracemalloc.start()
    with pytest.raises(FetchError, match="larger than 1 MB"):
        client.get(url)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000, peak


def test_gzip_is_asked_for_and_unpacked_also_from_the_cache(site: Any, client: HttpClient) -> None:
    packed = gzip.compress(b"a" * 1000) + gzip.compress(b"b" * 1000)
    url = site.on("/a", (200, {**FRESH, "Content-Encoding": "gzip"}, packed))
    assert client.get(url) == client.get(url) == b"a" * 1000 + b"b" * 1000
    assert site.seen[0].headers["accept-encoding"] == "gzip"


def test_gzip_that_ends_early_is_tried_again(site: Any, client: HttpClient) -> None:
    packed = gzip.compress(b"whole" * 1000)
    encoded = {"Content-Encoding": "gzip"}
    url = site.on("/a", (200, encoded, packed[:-5]), (200, encoded, packed))
    assert client.get(url) == b"whole" * 1000


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
def test_encodings_that_nobody_asked_for_are_refused(encoding: str) -> None:
    with pytest.raises(Final, match="not asked for"):
        decoded([b"x"], encoding)


def test_what_is_said_to_be_gzip_and_is_none() -> None:
    with pytest.raises(Final, match="none"):
        list(decoded([b"plain"], "gzip"))
    with pytest.raises(Again, match="early"):
        list(decoded([gzip.compress(b"x" * 100)[:-1]], "gzip"))
    assert list(decoded([], "gzip")) == []


def test_a_body_that_drips_is_given_up(site: Any, tmp_path: Path) -> None:
    client = HttpClient(tmp_path / "http", attempts=1, patience=-1.0)
    with pytest.raises(FetchError, match="took more than"):
        client.get(site.on("/a", (200, {}, b"x")))
    client.close()


def test_nobody_listens(client: HttpClient) -> None:
    with pytest.raises(FetchError, match=r"cannot be reached .* after 4 attempts"):
        client.get("http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "no address at all", "data:,x", ""])
def test_other_schemes_are_refused(client: HttpClient, url: str) -> None:
    with pytest.raises(FetchError, match="only http and https"):
        client.get(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///x",
        "http://h:99999/",
        "http://[::1",
        "http://h ost/",
        "http://h/\n",
        "http://xn--\udcff/",
        "http://127.0.0.1\\\\@h/",
    ],
)
def test_broken_addresses_are_refused(client: HttpClient, url: str) -> None:
    with pytest.raises(FetchError, match="is no address"):
        client.get(url)


def test_threads_share_a_client(site: Any, tmp_path: Path) -> None:
    urls = [site.on(f"/{number}", (200, FRESH, b"x" * number)) for number in range(40)]
    client = HttpClient(tmp_path / "http")
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(client.get, urls + urls))
    client.close()
    assert [len(body) for body in bodies] == [*range(40), *range(40)]


@pytest.mark.parametrize(("status", "passes"), [(429, True), (520, True), (507, True), (501, False), (404, False)])
def test_what_may_pass(status: int, passes: bool) -> None:
    assert is_passing(status) is passes


def test_making_a_client_opens_nothing(tmp_path: Path) -> None:
    HttpClient(tmp_path / "http").close()
    assert not (tmp_path / "http").exists()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_retry_after_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_as_a_date_to_come() -> None:
    wait = retry_after(email.utils.formatdate(time.time() + 30, usegmt=True))
    assert wait is not None
    assert 25 < wait <= 30


def test_waits_grow_and_differ_and_end() -> None:
    waits = [growing_wait(attempt, first=1.0, longest=5.0) for attempt in (1, 2, 3, 9)]
    assert 1 <= waits[0] <= 1.5
    assert 2 <= waits[1] <= 3
    assert 4 <= waits[2] <= 5
    assert 4 <= waits[3] <= 5
    for attempt in (1, 9):
        assert len({growing_wait(attempt, first=1.0, longest=5.0) for _ in range(5)}) > 1


def test_what_a_server_asks_for_is_kept_and_spread() -> None:
    waits = {spread(10.0) for _ in range(20)}
    assert len(waits) > 1
    assert all(10 <= wait <= 11 for wait in waits)
