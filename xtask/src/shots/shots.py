"""Take the pictures of README and docs.

usage: shots.py CHROMIUM URL FOLDER
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]

# Name, path, theme, width, height, and what is done first.
SHOTS = [
    ("overview", "/", "light", 1440, 1000, None),
    ("overview-dark", "/", "dark", 1440, 1000, None),
    ("overview-narrow", "/", "light", 390, 844, None),
    ("costs", "/costs?period=last-30d&cmp=previous", "light", 1440, 1100, None),
    ("costs-dark", "/costs?period=last-30d&by=tag%3Ateam", "dark", 1440, 1100, None),
    ("costs-narrow", "/costs?period=last-30d", "dark", 390, 844, None),
    ("lines", "/costs/lines?period=last-month", "light", 1440, 800, None),
    ("history", "/history", "light", 1440, 700, None),
    ("restatement", "/history", "light", 1440, 1100, "restated"),
    ("add-connection", "/connections/new", "light", 1440, 800, None),
    ("sql", "/sql", "light", 1440, 1000, "query"),
    ("add-sink", "/streams/new", "light", 1440, 800, None),
]

QUERY = """SELECT ServiceName, SUM(EffectiveCost) AS cost
FROM costs
WHERE BillingCurrency = 'USD'
GROUP BY ServiceName
ORDER BY cost DESC
LIMIT 8"""


def prepare(page, what):
    if what == "restated":
        cell = page.locator("#months .slice", has=page.locator(".state.degraded")).first
        cell.locator("a").first.click()
        page.wait_for_load_state()
    elif what == "query":
        page.fill("#q", QUERY)
        page.locator("button[value=run]").click()
        page.wait_for_selector("#answer")


def main():
    chromium, url, folder = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        for name, path, theme, width, height, what in SHOTS:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB",
                device_scale_factor=2 if width < 700 else 1,
            )
            page = context.new_page()
            answer = page.goto(url + path)
            if not answer.ok:
                raise SystemExit(f"{path}: {answer.status}")
            prepare(page, what)
            file = Path(folder) / f"{name}.png"
            page.screenshot(path=file)
            print(f"{file} {file.stat().st_size // 1024} KiB")
            context.close()
        browser.close()


main()
