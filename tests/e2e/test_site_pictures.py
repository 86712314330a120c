"""The documentation site in a browser: nothing is wider than its page, pictures are there, nothing is asked elsewhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from documentation import build

ROOT = Path(__file__).parents[2]
WIDTHS = {"phone": 390, "desktop": 1280}
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip

MEASURE = """<!doctype html><title>waiting</title><body><pre id="found"></pre><script>
const pages = PAGES, width = WIDTH, found = {};
const rest = milliseconds => new Promise(done => setTimeout(done, milliseconds));
async function measure(page) {
  const frame = document.createElement("iframe");
  frame.style = `border:0;width:${width}px;height:900px`;
  const loaded = new Promise(done => frame.onload = done);
  frame.src = page;
  document.body.append(frame);
  await loaded;
  await rest(100);
  const inside = frame.contentDocument, main = inside.querySelector("article");
  const colour = (element, what) => frame.contentWindow.getComputedStyle(element)[what];
  found[page] = {
    wider: inside.documentElement.scrollWidth - width,
    text: main ? main.innerText.length : 0,
    styled: colour(inside.querySelector(".md-header"), "backgroundColor"),
    page: colour(inside.body, "backgroundColor"),
    lost: [...inside.images].filter(image => !image.naturalWidth).map(image => image.src),
    cut: [...inside.images].filter(image => image.getBoundingClientRect().right > width).map(image => image.src),
    elsewhere: frame.contentWindow.performance.getEntriesByType("resource").map(each => each.name)
      .filter(name => !name.startsWith(location.origin) && !name.startsWith("data:")),
  };
  frame.remove();
}
(async () => {
  for (const page of pages) await measure(page);
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """A browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "the pictures of the site need chromium: apt-get install -y chromium"
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The site in a folder, and its address on loopback."""
    folder = tmp_path_factory.mktemp("site")
    build(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    """A server that says nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its base's parameter
        """Nothing."""


def browse(chromium: str, address: str, profile: Path, *flags: str) -> str:
    """A page as the browser ends up with it."""
    command = [
        chromium,
        *FLAGS,
        *flags,
        f"--user-data-dir={profile}",
        "--virtual-time-budget=60000",
        "--dump-dom",
        address,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits(width: str, dark: bool, chromium: str, site: tuple[Path, str], tmp_path: Path) -> None:
    """On a phone and on a desk, in both colours."""
    folder, address = site
    pages = [f"/{file.relative_to(folder)}" for file in sorted(folder.rglob("*.html")) if file.name != "404.html"]
    text = MEASURE.replace("PAGES", json.dumps(pages)).replace("WIDTH", str(WIDTHS[width]))
    measure = folder / f"measure-{width}-{dark}.htm"
    measure.write_text(text)
    flags = ["--blink-settings=preferredColorScheme=0"] if dark else []
    dom = browse(chromium, f"{address}/{measure.name}", tmp_path / "profile", "--window-size=1400,1000", *flags)
    said = re.search(r'<pre id="found">(.+?)</pre>', dom, re.DOTALL)
    assert said, dom[-2000:]
    found: dict[str, dict[str, Any]] = json.loads(unescape(said[1]))
    assert list(found) == pages
    assert {page: each["wider"] for page, each in found.items() if each["wider"] > 0} == {}
    assert {page: each for page, each in found.items() if each["lost"] or each["cut"] or each["elsewhere"]} == {}
    assert [page for page, each in found.items() if each["text"] < 400] == []
    assert {each["styled"] for each in found.values()} == {"rgb(64, 81, 181)"}, "the theme's styles are not there"
    (background,) = {each["page"] for each in found.values()}
    assert (background == "rgb(255, 255, 255)") is not dark
