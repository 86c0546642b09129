"""Downloads: whole or absent, taken up where they were left."""

import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from forge.clients.http import HttpClient
from forge.errors import FetchError
from forge.steps import HttpRequest

BODY = bytes(range(256)) * 2000
TAGGED = {"ETag": '"v1"', "Accept-Ranges": "bytes"}


def ranged(seen: Any) -> tuple[int, dict[str, str], bytes]:
    """The whole file, or the rest that is asked for if it is still the same."""
    if seen.headers.get("if-range") != '"v1"':
        return 200, TAGGED, BODY
    start = int(seen.headers["range"].removeprefix("bytes=").removesuffix("-"))
    return 206, {**TAGGED, "Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"}, BODY[start:]


def cut(at: int, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {**TAGGED, **headers, "Content-Length": str(len(BODY))}, BODY[:at]


def test_a_file_arrives_whole(site: Any, client: HttpClient, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.bin"
    answer = client.download(HttpRequest(url=site.on("/f", ranged)), target)
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"", '"v1"')
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]
    assert "range" not in site.seen[0].headers


def test_a_broken_connection_goes_on_where_it_broke(site: Any, client: HttpClient, tmp_path: Path) -> None:
    client.download(HttpRequest(url=site.on("/f", cut(200_000), ranged)), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert site.seen[1].headers["range"] == "bytes=200000-"


def test_a_part_of_a_former_run_is_taken_up(site: Any, tmp_path: Path) -> None:
    url = site.on("/f", cut(100_000), ranged)
    for attempts in (1, 2):
        client = HttpClient(tmp_path / "http", wait=0.01, attempts=1)
        if attempts == 1:
            with pytest.raises(FetchError, match="after 1 attempts"):
                client.download(HttpRequest(url=url), tmp_path / "f")
            assert not (tmp_path / "f").exists()
        else:
            client.download(HttpRequest(url=url), tmp_path / "f")
        client.close()
    assert (tmp_path / "f").read_bytes() == BODY
    assert [seen.headers.get("range") for seen in site.seen] == [None, "bytes=100000-"]


@pytest.mark.parametrize("headers", [{"ETag": '"v0"'}, {"ETag": 'W/"v1"'}, {"ETag": ""}])
def test_a_changed_or_weakly_tagged_file_is_sent_whole(
    site: Any, client: HttpClient, tmp_path: Path, headers: dict[str, str]
) -> None:
    client.download(HttpRequest(url=site.on("/f", cut(100_000, **headers), ranged)), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_part_of_another_address_is_not_taken_up(site: Any, tmp_path: Path) -> None:
    client = HttpClient(tmp_path / "http", wait=0.01, attempts=1)
    with pytest.raises(FetchError):
        client.download(HttpRequest(url=site.on("/old", cut(5))), tmp_path / "f")
    client.download(HttpRequest(url=site.on("/new", ranged)), tmp_path / "f")
    client.close()
    assert (tmp_path / "f").read_bytes() == BODY
    assert "range" not in site.asked("/new")[0].headers


@pytest.mark.parametrize(("tag", "range_asked"), [('"v1"', "bytes=100000-"), (None, None)])
def test_storage_that_signs_anew_is_known_by_its_tag_alone(
    site: Any, tmp_path: Path, tag: str | None, range_asked: str | None
) -> None:
    head = {
        "Content-Length": str(len(BODY)),
        "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
        **({"ETag": tag} if tag else {}),
    }
    url = site.on("/f", (200, head, BODY[:100_000]), ranged if tag else (200, head, BODY))
    for number in (1, 2):
        client = HttpClient(tmp_path / "http", wait=0.01, attempts=1)
        request = HttpRequest(url=f"{url}?expires={number}")
        if number == 1:
            with pytest.raises(FetchError):
                client.download(request, tmp_path / "f")
        else:
            client.download(request, tmp_path / "f")
        client.close()
    assert (tmp_path / "f").read_bytes() == BODY
    assert site.seen[1].headers.get("range") == range_asked


def test_a_server_that_refuses_the_rest_sends_it_whole(site: Any, client: HttpClient, tmp_path: Path) -> None:
    url = site.on("/f", cut(9), (416, {"Content-Range": "bytes */5"}, b""), ranged)
    client.download(HttpRequest(url=url), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_another_part_than_asked_for_is_refused(site: Any, client: HttpClient, tmp_path: Path) -> None:
    wrong = (206, {**TAGGED, "Content-Range": "bytes 3-9/10"}, b"3456789")
    with pytest.raises(FetchError, match="another part of the file"):
        client.download(HttpRequest(url=site.on("/f", cut(9), wrong)), tmp_path / "f")


def test_refusals_leave_no_file_and_the_old_one_alone(site: Any, client: HttpClient, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(FetchError, match="answered 404"):
        client.download(HttpRequest(url=site.base + "/none"), tmp_path / "f")
    with pytest.raises(FetchError, match=r"larger than 0\.1 MB"):
        client.download(HttpRequest(url=site.on("/f", ranged), limit=100_000), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_file_without_a_length_is_counted(site: Any, client: HttpClient, tmp_path: Path) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    url = site.on("/f", (200, chunked, b"5\r\nhello\r\n0\r\n\r\n"))
    client.download(HttpRequest(url=url), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"hello"
    with pytest.raises(FetchError, match="larger than"):
        client.download(HttpRequest(url=url, limit=4), tmp_path / "g")


def test_redirects_are_followed_and_secrets_dropped(sites: Any, client: HttpClient, tmp_path: Path) -> None:
    site, other = sites(), sites()
    other.on("/f", ranged)
    url = site.on("/a", (302, {"Location": f"{other.base}/f?sig=planted-0123456789"}, b"not the file"))
    answer = client.download(
        HttpRequest(url=url, secret_headers={"Authorization": "Bearer planted-0123456789"}), tmp_path / "f"
    )
    assert (tmp_path / "f").read_bytes() == BODY
    assert answer.url == f"{other.base}/f?sig=[hidden]"
    assert "authorization" not in other.seen[0].headers
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"planted" in path.read_bytes()]


def test_a_large_file_with_a_secret_takes_no_memory(site: Any, tmp_path: Path) -> None:
    client = HttpClient(tmp_path / "http")
    body = bytes(30_000_000)
    url = site.on("/f", (200, {}, body))
    client.get(site.on("/small", (200, {}, b"imports what is needed")))
    tracemalloc.start()
    client.download(HttpRequest(url=url, secret_headers={"X-Key": "planted-0123456789"}), tmp_path / "f")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    client.close()
    assert (tmp_path / "f").stat().st_size == len(body)
    assert peak < 40_000_000, peak  # the server's own copy of head and body is in this process too


PROGRAM = """
import sys
from pathlib import Path
from forge.clients.http import HttpClient
from forge.steps import HttpRequest
HttpClient(Path(sys.argv[1])).download(HttpRequest(url=sys.argv[2]), Path(sys.argv[3]))
"""


def test_a_killed_download_is_taken_up(site: Any, client: HttpClient, tmp_path: Path) -> None:
    import threading

    gate = threading.Event()

    def slow(seen: Any) -> Any:
        gate.wait(20)
        return ranged(seen)

    url = site.on("/f", cut(300_000), slow, ranged)
    target = tmp_path / "f"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "http"), url, str(target)])
    deadline = time.monotonic() + 20
    while len(site.asked("/f")) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    gate.set()
    assert (tmp_path / ".f.part").stat().st_size == 300_000
    client.download(HttpRequest(url=url), target)
    assert target.read_bytes() == BODY
    assert site.asked("/f")[-1].headers["range"] == "bytes=300000-"
