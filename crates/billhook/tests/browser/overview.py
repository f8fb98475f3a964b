"""OV and HI: the overview, and what AWS changed after the fact."""

import csv
import gzip
import json
import re
import shutil
import urllib.parse
from datetime import date
from pathlib import Path

from house import NARROW, amounts, exact, same, sums, the_total, total, until, want
from numbered import check


@check("OV-1")
def tile_table_and_costs_agree(house):
    page = house.page("/")
    tile = page.locator("#period-tile [data-total] data.money").get_attribute("value")
    for table in sums(page):
        if table["id"] in ("services", "accounts"):
            same(exact(table["total"]), exact(tile), table["id"])
    with page.expect_navigation():
        page.locator("a", has_text="Open in Costs").first.click()
    same(exact(the_total(page, "#costs")), exact(tile), page.url)
    asked = house.api("/overview")
    same(exact(asked["costs"]["total"]), exact(tile), "the API")


@check("OV-2")
def as_many_days_are_compared(house):
    costs = house.api("/overview")["costs"]
    last = house.api("/overview")["last_day"]
    want(costs["before_from"] and costs["before_to"], "nothing is compared")
    days = (date.fromisoformat(costs["to"]) - date.fromisoformat(costs["from"])).days
    before = date.fromisoformat(costs["before_to"]) - date.fromisoformat(costs["before_from"])
    same(before.days, days, f"days of {costs['from']}..{costs['to']} (last {last})")
    text = house.page("/").locator("#period-tile").inner_text()
    want(re.search(r"(more|less|same|gone|new).* than ", text, re.S), text)


@check("OV-4")
def an_empty_home_has_three_doors(house):
    page = house.page("/", home="empty")
    text = page.inner_text("main")
    for door in ("Connect AWS", "Import files", "Look around in the demo organisation"):
        want(door in text, f"{door} is not there: {text}")
    want("No billing data yet" in text, text)
    want(page.locator("figure.chart, main svg[role=img]").count() == 0, "there is a chart")
    want(not amounts(page), "there are amounts")
    for path in ("/costs", "/history", "/connections", "/streams", "/sql", "/settings/tokens"):
        page.goto(house.url(path, "empty"))
        want(page.locator(".empty, .tiles").count() > 0, f"{path} teaches nothing")
        house.shot(page, "empty-" + path.strip("/").replace("/", "-"))


@check("OV-5")
def the_total_is_seen_at_once_on_a_telephone(house):
    page = house.page("/", width=NARROW)
    box = page.locator("#period-tile [data-total]").bounding_box()
    want(box["y"] + box["height"] < 844, f"the total ends at {box['y'] + box['height']}")


@check("OV-3")
def what_breaks_is_seen(house):
    """The connection `gone` has lost its folder: one more run says so."""
    house.command("sync", "gone")
    row = next(row for row in house.api("/connections")["items"] if row["name"] == "gone")
    same(row["health"], "broken", "health of gone")
    page = house.page("/")

    def told():
        text = page.locator("#attention").inner_text()
        return "gone" in text and "broken" in text and text

    text = until(told, "the overview tells that gone is broken", 20)
    finding = house.api("/connections/gone")
    sentence = reason(finding)
    want(sentence and sentence[:60] in text, f"{sentence!r} is not in {text!r}")
    want(page.locator("header .badge").count() == 1, "the header does not count it")


def reason(one):
    """Why a connection is not well, in the words of its finding."""
    found = []

    def look(value):
        if isinstance(value, dict):
            if value.get("severity") == "error" and value.get("seen"):
                found.append(value["seen"])
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(one)
    return found[0] if found else None


@check("HI-1")
def old_and_changes_are_new(house):
    checked = 0
    for connection, month in ((house.scene["corrected"], house.month()), restated(house)):
        page = house.page(f"/history/{connection}/{month}")
        for href in revisions(page):
            page.goto(house.url(href))
            for section in page.locator("section.card[data-currency]").all():
                currency = section.get_attribute("data-currency")
                story = page.locator(f"p.sum[data-currency='{currency}']").first
                if story.locator("[data-old]").count() == 0:
                    continue
                old = exact(story.locator("[data-old] data").get_attribute("value"))
                new = exact(story.locator("[data-new] data").get_attribute("value"))
                cells = section.locator("tbody td.change data").all()
                listed = total([cell.get_attribute("value") for cell in cells])
                same(old + listed, new, f"{href}: {old} and {listed}")
                checked += 1
    want(checked >= 3, f"only {checked} differences are shown")


def restated(house):
    """The month that the second round of the organisation restates."""
    page = house.page("/history")
    for link in page.locator("#months a[href*='/acme-payer/']").all():
        if "(2)" in link.locator("xpath=..").inner_text():
            return "acme-payer", link.get_attribute("href").split("?")[0].rsplit("/", 1)[1]
    return "acme-payer", house.month()


def revisions(page):
    links = page.locator("#deliveries tbody th a").all()
    return [link.get_attribute("href") for link in links]


@check("HI-2")
def restatements_are_listed_in_their_order(house):
    page = house.page(f"/history/{house.scene['corrected']}/{house.month()}")
    numbers = [int(link.inner_text()) for link in page.locator("#deliveries tbody th a").all()]
    want(len(numbers) >= 4, f"deliveries {numbers}")
    same(numbers, sorted(numbers, reverse=True), "the newest first")
    totals = house.scene["totals"]
    cells = page.locator("#deliveries tbody tr td[data-label=BilledCost] data")
    shown = [exact(cell.get_attribute("value")) for cell in cells.all()]
    expected = [exact(one) for one in reversed(totals)]
    same(shown[-len(expected):], expected, "totals of the deliveries")
    times = page.locator("#deliveries tbody time").evaluate_all("(all) => all.map((one) => one.dateTime)")
    same(times, sorted(times, reverse=True), "times of loading")


@check("HI-3")
def costs_as_of_before_are_the_old_total(house):
    page = house.page(f"/history/{house.scene['corrected']}/{house.month()}")
    old = page.locator("p.sum [data-old] data").first.get_attribute("value")
    href = page.locator("a", has_text="Open Costs as of before this").get_attribute("href")
    want("asof=" in href, href)
    page.goto(house.url(href))
    query = urllib.parse.urlsplit(page.url).query
    if "currency" not in query:
        page.goto(page.url + "&currency=EUR")
    same(exact(the_total(page, "#costs")), exact(old), page.url)
    want("You see what Billhook held on" in page.inner_text("body"), "no band")


def reopen(house):
    """Has AWS rewrite a month that it had closed, and loads it."""
    folders = (Path(house.scene["buckets"]) / "acme-billing").rglob("20260801-20260901")
    folder = next(folder for folder in folders if list(folder.glob("*-Manifest.json")))
    top = next(folder.glob("*-Manifest.json"))
    old, new = json.loads(top.read_text("utf-8"))["assemblyId"], "20261120T120000Z"
    shutil.copytree(folder / old, folder / new)
    for manifest in (top, *(folder / new).glob("*-Manifest.json")):
        manifest.write_text(manifest.read_text("utf-8").replace(old, new), "utf-8")
    key = json.loads(top.read_text("utf-8"))["reportKeys"][0]
    file = Path(house.scene["buckets"]) / "acme-billing" / key
    with gzip.open(file, "rt", encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))
    cost = rows[0].index("lineItem/UnblendedCost")
    rows[1][cost] = str(exact(rows[1][cost]) + 1)
    with gzip.open(file, "wt", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows(rows)
    house.command("sync", "acme-payer")
    return "acme-payer", "2026-08"


@check("HI-4")
def a_final_month_that_changes_is_reopened(house):
    connection, month = reopen(house)
    page = house.page("/history")
    cell = page.locator(f"#months a[href^='/history/{connection}/{month}']").first.locator("xpath=..")
    want("reopened" in cell.inner_text(), f"{month}: {cell.inner_text()}")
    page.goto(house.url(f"/history/{connection}/{month}"))
    want("reopened" in page.locator(".bar").first.inner_text(), "not on its page")
    slices = house.api(f"/history/{connection}/{month}")
    same(slices["state"], "reopened", "the API")
    events = house.command("events", "tail")
    want("reopened" in events or "restated" in events, "no event tells it")
    page.goto(house.url("/"))
    text = page.inner_text("main")
    want("restated" in text or "reopened" in text, "the overview does not tell it")
