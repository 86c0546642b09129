"""robots.txt and the distance between requests, also between processes."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge.clients.failures import Final
from forge.clients.http import HttpClient
from forge.clients.pace import Pace
from forge.errors import FetchError
from forge.steps import HttpRequest

RULES = b"""\
User-agent: *
Disallow: /all

User-agent: hephaestus-forge
Disallow: /private   # not for us
Disallow: /*.pdf$
Allow: /private/but
"""


def crawl(client: HttpClient, url: str) -> int:
    return client.fetch(HttpRequest(url=url, robots=True)).status


def test_rules_are_obeyed_and_named(site: Any, client: HttpClient) -> None:
    site.on("/robots.txt", (200, {}, RULES))
    for path in ("/all", "/private/but/this"):
        site.on(path, (200, {}, b""))
        assert crawl(client, site.base + path) == 200
    with pytest.raises(FetchError, match=r"/private/x: robots\.txt of 127.* forbids it \(Disallow: /private\)"):
        crawl(client, site.base + "/private/x")
    with pytest.raises(FetchError, match=r"\(Disallow: /\*\.pdf\$\)"):
        crawl(client, site.base + "/a.pdf")
    assert not site.asked("/private/x")
    assert len(site.asked("/robots.txt")) == 1
    assert site.seen[0].headers["user-agent"].startswith("hephaestus-forge/")


def test_without_the_flag_nobody_asks_for_rules(site: Any, client: HttpClient) -> None:
    client.get(site.on("/a", (200, {}, b"")))
    assert not site.asked("/robots.txt")


def test_rules_are_kept_for_the_next_run_and_for_a_day(site: Any, client: HttpClient, tmp_path: Path) -> None:
    import os

    site.on("/robots.txt", (200, {}, RULES), (200, {"Cache-Control": "no-store"}, b""))
    crawl(client, site.base)
    later = HttpClient(tmp_path / "http", wait=0.01)
    with pytest.raises(FetchError, match="forbids"):
        crawl(later, site.base + "/private")
    later.close()
    assert len(site.asked("/robots.txt")) == 1
    (kept,) = (tmp_path / "http" / "robots").glob("*.txt")
    os.utime(kept, (time.time() - 90_000, time.time() - 90_000))
    last = HttpClient(tmp_path / "http", wait=0.01)
    crawl(last, site.base + "/private")
    last.close()
    assert len(site.asked("/robots.txt")) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_no_rules_allow_everything(site: Any, client: HttpClient, status: int) -> None:
    site.on("/robots.txt", (status, {}, b"User-agent: *\nDisallow: /"))
    assert crawl(client, site.on("/a", (200, {}, b""))) == 200


@pytest.mark.parametrize("answer", [(503, {}, b""), (429, {}, b""), None])
def test_rules_that_cannot_be_had_forbid_everything(site: Any, client: HttpClient, answer: Any) -> None:
    site.on("/robots.txt", answer)
    for _ in range(2):
        with pytest.raises(FetchError, match=r"its robots\.txt cannot be had"):
            crawl(client, site.on("/a", (200, {}, b"")))
    assert not site.asked("/a")
    assert len(site.asked("/robots.txt")) == client.attempts


def test_each_hop_asks_its_own_host(sites: Callable[[], Any], client: HttpClient) -> None:
    site, other = sites(), sites()
    other.on("/robots.txt", (200, {}, b"User-agent: *\nDisallow: /x"))
    url = site.on("/a", (302, {"Location": f"{other.base}/x"}, b""))
    with pytest.raises(FetchError, match=r"/x: robots\.txt"):
        crawl(client, url)
    assert not other.asked("/x")


def test_a_redirect_reaches_no_private_host_through_its_rules(sites: Callable[[], Any], client: HttpClient) -> None:
    site, other = sites(), sites()
    target = other.base.replace("127.0.0.1", "localhost")
    with pytest.raises(FetchError, match="private address"):
        crawl(client, site.on("/a", (302, {"Location": f"{target}/x"}, b"")))
    assert not other.seen


@pytest.mark.parametrize(
    ("rule", "delay"),
    [("Crawl-delay: 0.3", 0.3), ("Request-rate: 4/1", 0.25), ("Crawl-delay: soon", 0.0), ("", 0.0)],
)
def test_the_delay_is_kept(site: Any, client: HttpClient, rule: str, delay: float) -> None:
    site.on("/robots.txt", (200, {}, f"User-agent: *\n{rule}\n".encode()))
    url = site.on("/a", (200, {"Cache-Control": "no-store"}, b""))
    crawl(client, url)
    begin = time.monotonic()
    crawl(client, url)
    took = time.monotonic() - begin
    assert delay * 0.9 <= took < delay + 2


PROGRAM = """
import sys
from pathlib import Path
from forge.clients.http import HttpClient
from forge.steps import HttpRequest
client = HttpClient(Path(sys.argv[1]))
for _ in range(3):
    client.fetch(HttpRequest(url=sys.argv[2], robots=True))
client.close()
"""


def test_the_delay_holds_between_processes(site: Any, tmp_path: Path) -> None:
    times: list[float] = []

    def note(_: object) -> tuple[int, dict[str, str], bytes]:
        times.append(time.monotonic())
        return 200, {"Cache-Control": "no-store"}, b""

    site.on("/robots.txt", (200, {}, b"User-agent: *\nCrawl-delay: 0.3\n"))
    url = site.on("/a", note)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "http"), url]
    running = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=60) for process in running] == [0, 0]
    assert len(times) == 6
    gaps = [after - before for before, after in zip(sorted(times), sorted(times)[1:], strict=False)]
    assert min(gaps) > 0.05, gaps
    assert sum(gaps) >= 5 * 0.3 - 0.1


def test_threads_queue_for_a_host(tmp_path: Path) -> None:
    pace, times = Pace(tmp_path), []

    def ask() -> None:
        pace.wait("h:80", 0.05)
        times.append(time.time())

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(times) - min(times) >= 4 * 0.05 - 0.02


def test_cached_answers_wait_for_nobody(site: Any, client: HttpClient) -> None:
    site.on("/robots.txt", (200, {}, b"User-agent: *\nCrawl-delay: 5\n"))
    url = site.on("/a", (200, {"Cache-Control": "max-age=60"}, b""))
    crawl(client, url)
    begin = time.monotonic()
    crawl(client, url)
    assert time.monotonic() - begin < 4


def test_a_429_slows_the_host_down_for_everyone(tmp_path: Path) -> None:
    pace = Pace(tmp_path)
    pace.wait("h:80", 0.05)
    pace.hold("h:80", 0.2)
    begin = time.time()
    Pace(tmp_path).wait("h:80", 0.05)
    assert time.time() - begin >= 0.15
    Pace(tmp_path).wait("h:80", 0.05)
    assert time.time() - begin >= 0.28  # the interval is twice as long now


def test_a_queue_without_end_is_refused_and_a_spoilt_one_forgotten(tmp_path: Path) -> None:
    pace = Pace(tmp_path, longest=1.0)
    pace.hold("h:80", 50.0)
    with pytest.raises(Final, match="only in 50 s"):
        pace.wait("h:80", 0.0)
    (path,) = tmp_path.glob("*.json")
    path.write_text("{")
    pace.wait("h:80", 0.0)


def test_no_interval_leaves_no_file(site: Any, client: HttpClient, tmp_path: Path) -> None:
    client.get(site.on("/a", (200, {}, b"")))
    assert not (tmp_path / "http" / "hosts").exists()
