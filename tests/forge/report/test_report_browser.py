"""The page in a real browser: what the reader sees, at two widths, in both colour schemes, without the network."""

import html
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import matplotlib.image
import numpy as np
import pytest

from forge.report import ReportData, render_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((path for path in map(shutil.which, BROWSERS) if path), None)
QUIET = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--hide-scrollbars",
]

pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser here; looked for {', '.join(BROWSERS)}")


class Browser:
    """Chromium without a window, with a profile of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, address: str, *flags: str) -> str:
        assert BROWSER
        profile = f"--user-data-dir={self.folder / 'profile'}"
        env = {**os.environ, "HOME": str(self.folder)}
        command = [BROWSER, *QUIET, profile, *flags, address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True, env=env)
        return done.stdout

    def dom(self, path: Path) -> str:
        return self(path.as_uri(), "--dump-dom")

    def picture(self, path: Path, *flags: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        """Pixels of the page, uint8 of shape (height, width, 3)."""
        target = self.folder / "picture.png"
        self(path.as_uri(), f"--screenshot={target}", *flags)
        return np.round(matplotlib.image.imread(target)[:, :, :3] * 255).astype(np.uint8)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


@pytest.fixture
def page(tmp_path: Path, data: ReportData) -> Path:
    path = tmp_path / "report.html"
    path.write_text(render_report(data), encoding="utf-8")
    return path


def colours(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> int:
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


def test_the_reader_sees_the_numbers(browser: Browser, page: Path) -> None:
    dom = browser.dom(page)
    for expected in ("1,234,567 tokens", "84,911 distinct documented APIs", "Training loss of stage II", "too short"):
        assert expected in dom


def test_hostile_names_stay_text(browser: Browser, page: Path) -> None:
    dom = browser.dom(page)
    assert "&lt;script&gt;" in dom
    assert "<script" not in dom
    assert "<img" not in dom


def test_page_is_drawn_in_light_and_dark(browser: Browser, page: Path) -> None:
    light = browser.picture(page, "--window-size=1280,1600", "--blink-settings=preferredColorScheme=1")
    dark = browser.picture(page, "--window-size=1280,1600", "--blink-settings=preferredColorScheme=0")
    assert light.shape == dark.shape == (1600, 1280, 3)
    assert min(colours(light), colours(dark)) > 100
    assert light.mean() > 200
    assert dark.mean() < 80


@pytest.mark.parametrize("width", [400, 1280])
def test_page_fits_its_window(browser: Browser, page: Path, width: int) -> None:
    """Measured by a frame of that width: a browser without a window has a least width of its own."""
    opened = page.read_text(encoding="utf-8").replace("<details>", "<details open>")
    frame = page.with_name("frame.html")
    frame.write_text(
        f'<!doctype html><meta charset="utf-8"><iframe style="width:{width}px;height:900px;border:0" '
        f'srcdoc="{html.escape(opened)}" onload="document.body.append(`needs '
        f'${{this.contentDocument.documentElement.scrollWidth}} pixels`)"></iframe>',
        encoding="utf-8",
    )
    assert f"needs {width} pixels" in browser.dom(frame)


class Listener(BaseHTTPRequestHandler):
    """Serves one page and writes down what is asked for."""

    page: ClassVar[bytes] = b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200 if self.path == "/report.html" else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page if self.path == "/report.html" else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(page: Path) -> Iterator[tuple[str, list[str]]]:
    Listener.page, Listener.asked = page.read_bytes(), []
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", Listener.asked
        http.shutdown()
        thread.join()


def test_page_asks_for_nothing_but_itself(browser: Browser, server: tuple[str, list[str]]) -> None:
    address, asked = server
    assert "quickstart" in browser(f"{address}/report.html", "--dump-dom")
    # a browser asks for the icon of a site by itself, for any page
    assert set(asked) - {"/favicon.ico"} == {"/report.html"}
