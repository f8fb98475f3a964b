"""What the checks stand on: the servers of the test, browsers signed in to them, and what a page says.

A scene (JSON, written by `tests/server/browser.rs`) tells where everything is. `House` opens pages as
somebody, in a theme and a width, with script or without, and keeps what went wrong on them.
"""

import json
import os
import subprocess
import time
import urllib.request
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

LIGHT, DARK = "light", "dark"
WIDE, NARROW = 1440, 390
ALL = [(theme, width) for theme in (LIGHT, DARK) for width in (WIDE, NARROW)]

# Every amount of a page with what it is an amount of.
AMOUNTS = """() => [...document.querySelectorAll('data.money')].map((amount) => {
  const near = (name) => {
    const found = amount.closest(`[data-${name}]`);
    return found ? found.getAttribute(`data-${name}`) : null;
  };
  const is = {};
  for (const name of ['currency', 'metric', 'from', 'to', 'state']) is[name] = near(name);
  return {value: amount.getAttribute('value'), shown: amount.textContent.trim(), ...is};
})"""

# Sums of tables: values of rows, and the total, of each column that has a total.
SUMS = """() => [...document.querySelectorAll('table')].flatMap((table) => {
  const total = table.querySelector('tfoot [data-total] data.money, tfoot [data-total]');
  if (!total) return [];
  const cell = total.closest('td');
  const at = cell.cellIndex;
  const value = (cell) => cell && (cell.querySelector('data.money') || {getAttribute() { return null; }}).getAttribute('value');
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  return [{
    id: table.id || table.caption?.textContent || '?',
    rows: rows.map((row) => value(row.cells[at])).filter((value) => value !== null),
    total: value(cell),
  }];
})"""


class Wrong(Exception):
    """A check that does not hold; its text says why."""


def want(holds, why):
    """A check holds only if all that it wants does."""
    if not holds:
        raise Wrong(str(why)[:2000])


def same(left, right, what):
    want(left == right, f"{what}: {left!r} is not {right!r}")


def exact(text):
    """An amount with all its digits."""
    return Decimal(text)


def total(values):
    return sum((exact(value) for value in values), Decimal(0))


class House:
    def __init__(self, scene):
        self.scene = scene
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(
            executable_path=scene["chromium"], headless=True, args=FLAGS
        )
        self.states = {}
        self.survey = None
        self.open = []
        self.axe = Path(scene["axe"]).read_text("utf-8") if scene.get("axe") else None

    def end(self):
        self.browser.close()
        self.playwright.stop()

    def close(self):
        """Closes what a check has opened."""
        for context in self.open:
            context.close()
        self.open = []

    # Where things are.

    def url(self, path, home="main"):
        return self.scene["urls"][home] + path

    def month(self):
        return self.scene["month"]

    # Browsers.

    def context(self, user="maria", theme=LIGHT, width=WIDE, script=True, home="main", **more):
        """A browser of its own; `user` is None for nobody. Other homes need no sign-in."""
        options = {
            "viewport": {"width": width, "height": 844 if width < 700 else 900},
            "color_scheme": theme,
            "java_script_enabled": script,
            "locale": "en-GB",
            "timezone_id": "America/New_York",
            **more,
        }
        if user and home == "main":
            options["storage_state"] = self.state(user)
        context = self.browser.new_context(**options)
        context.set_default_timeout(30_000)
        self.open.append(context)
        return context

    def page(self, path="/", **more):
        """A page that is open, with `wrongs`: what the browser refused or complained of."""
        home = more.get("home", "main")
        page = self.context(**more).new_page()
        watch(page)
        page.goto(self.url(path, home))
        return page

    def state(self, user):
        """The cookies of a user who has signed in, once."""
        if user not in self.states:
            context = self.browser.new_context()
            page = context.new_page()
            page.goto(self.url("/sign-in"))
            page.fill("#user", user)
            page.fill("#password", self.scene["password"])
            with page.expect_navigation():
                page.click("main form button:not([type=button])")
            want("/sign-in" not in page.url, f"{user} cannot sign in: {page.inner_text('main')}")
            self.states[user] = context.storage_state()
            context.close()
        return self.states[user]

    # Programs.

    def api(self, path, method="GET", body=None):
        """The JSON of the API, asked with a token of the admin."""
        request = urllib.request.Request(self.url("/api/v1" + path), method=method)
        request.add_header("Authorization", "Bearer " + self.scene["token"])
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=120) as answer:
            text = answer.read().decode()
        return json.loads(text) if text else None

    def download(self, path):
        """A download of a page, as bytes."""
        context = self.context()
        answer = context.request.get(self.url(path))
        want(answer.ok, f"{path}: {answer.status} {answer.text()[:500]}")
        return answer.body()

    def command(self, *args):
        """What the command line prints."""
        done = subprocess.run(
            [*self.scene["command"], *args], capture_output=True, text=True, timeout=300,
            env={**os.environ, **self.scene["environment"]},
        )
        # 1 and 3 say that something is not as it should be, which may be what is looked for.
        want(done.returncode in (0, 1, 3), f"{args}: {done.stderr}")
        return done.stdout

    def ask(self, sql):
        """The one value of a query, by the command line."""
        lines = self.command("sql", sql, "--format", "csv").splitlines()
        return lines[1] if len(lines) > 1 else ""

    def shot(self, page, name):
        if self.scene.get("shots"):
            folder = Path(self.scene["shots"])
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{name}.png", full_page=True)


def watch(page):
    """Keeps what goes wrong on a page in `page.wrongs`."""
    page.wrongs = []
    own = []

    def asked(request):
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob", "about"):
            return
        if not own:
            own.append(parts.netloc)
        if parts.netloc != own[0]:
            page.wrongs.append(f"asks {request.url}")

    def said(message):
        if message.type in ("error", "warning"):
            page.wrongs.append(f"console: {message.text}")

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: page.wrongs.append(f"script: {error}"))

    def asks(dialog):
        page.wrongs.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", asks)


def amounts(page):
    return page.evaluate(AMOUNTS)


def values(page):
    return [amount["value"] for amount in amounts(page)]


def sums(page):
    return page.evaluate(SUMS)


def the_total(page, within="main"):
    """The value of the first amount that a page calls its total."""
    found = page.locator(f"{within} [data-total] data.money, {within} .hero data.money").first
    return found.get_attribute("value")


def heading(page):
    return page.locator("h1").first.inner_text().strip()


def until(holds, why, seconds=60, every=0.25):
    """Waits for what another process does."""
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > end:
            raise Wrong(f"not within {seconds} s: {why}")
        time.sleep(every)


__all__ = [
    "ALL", "DARK", "LIGHT", "NARROW", "WIDE", "House", "Late", "Wrong", "amounts", "exact", "heading",
    "same", "sums", "the_total", "total", "until", "values", "want", "watch",
]
