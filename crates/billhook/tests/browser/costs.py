"""CO and LI: costs, and the lines under them."""

import csv
import gzip
import io
import re
import urllib.parse
from pathlib import Path

from house import amounts, exact, heading, same, sums, the_total, total, values, want
from numbered import check


def columns(text):
    """A CSV file as rows by their headings."""
    return list(csv.DictReader(io.StringIO(text)))


def figures(page):
    """Names and values of the rows of the table, in their order."""
    rows = page.locator("#figures tbody tr")
    return [
        (row.locator("th .name bdi").first.inner_text(), row.locator("td data.money").first.get_attribute("value"))
        for row in rows.all()
    ]


def colours(page):
    """The colour of each group."""
    found = {}
    for row in page.locator("#figures tbody tr").all():
        swatch = row.locator(".swatch").first
        group = row.locator("th .name bdi").first.inner_text()
        found[group] = swatch.evaluate("(one) => getComputedStyle(one).backgroundColor + one.className")
    return found


@check("CO-1")
def rows_and_the_rest_are_the_total(house):
    month = house.month()
    for query in (
        f"period={month}",
        f"period={month}&by=tag%3Ateam",
        f"period={month}&by=SubAccountId&by=ServiceName&top=3",
        f"period={month}&by=ServiceName&is.ChargeCategory=Usage",
        "period=last-month&by=ResourceId&top=10",
        f"period={month}&by=ServiceName&metric=EffectiveCost&scope=all",
    ):
        page = house.page(f"/costs?{query}")
        tables = [table for table in sums(page) if table["id"] == "figures"]
        want(tables, f"{query}: no table with a total")
        for table in tables:
            same(total(table["rows"]), exact(table["total"]), query)
        same(exact(the_total(page, "#costs")), exact(tables[0]["total"]), query)
    page = house.page(f"/costs?period={month}&by=tag%3Ateam&top=2")
    names = [name for name, _ in figures(page)]
    want(any("(not specified)" in name for name in names), f"(not specified) is not apart: {names}")
    want(any(name.startswith("other") for name in names), f"there is no other: {names}")


@check("CO-2")
def chips_take_filters_away(house):
    month = house.month()
    page = house.page(f"/costs?period={month}")
    seen = [the_total(page, "#costs")]
    for choice in (0, 0):
        with page.expect_navigation():
            page.locator("#figures tbody th .name a").nth(choice).click()
        seen.append(the_total(page, "#costs"))
    want(page.locator("a.chip.on[title*='Remove']").count() == 2, "there are not two filters")
    for expected in (None, seen[0]):
        with page.expect_navigation():
            page.locator("a.chip.on[title*='Remove']").last.click()
        if expected:
            same(the_total(page, "#costs"), expected, "without both filters")
        else:
            same(the_total(page, "#costs"), seen[1], "without the second filter")
    page.go_back()
    same(the_total(page, "#costs"), seen[1], "back")
    page.go_back()
    same(the_total(page, "#costs"), seen[2], "back twice")
    page.go_forward()
    same(the_total(page, "#costs"), seen[1], "forward")


@check("CO-3")
def the_file_has_all_groups(house):
    query = f"period={house.month()}&by=ServiceName&by=SubAccountId&top=2&currency=USD"
    page = house.page(f"/costs?{query}")
    rows = columns(house.download(f"/costs/costs.csv?{query}").decode())
    path = f"/costs?{query}".replace("top=2", "top=all")
    answer = house.api(path)
    groups = [row for row in answer["rows"] if not row.get("folded")]
    while answer.get("next"):
        answer = house.api(f"{path}&after={urllib.parse.quote(answer['next'])}")
        groups += [row for row in answer["rows"] if not row.get("folded")]
    same(len(rows), len(groups), "rows of the file and groups")
    want(len(rows) > 3, "the file has only what is shown")
    same(total([row["BilledCost"] for row in rows]), exact(the_total(page, "#costs")), "sum of the file")
    want(not re.search(r"\u2212|,\d{3}\.", "".join(row["BilledCost"] for row in rows)), "not plain numbers")


@check("CO-4")
def a_metric_changes_everything_that_names_it(house):
    page = house.page(f"/costs?period={house.month()}")
    page.locator("details.drop summary", has_text="BilledCost").first.click()
    with page.expect_navigation():
        page.locator("details.drop a", has_text="EffectiveCost").first.click()
    want("metric=EffectiveCost" in page.url, page.url)
    want("EffectiveCost" in heading(page), heading(page))
    head = page.locator("#figures thead").inner_text()
    want("EffectiveCost" in head and "BilledCost" not in head, head)
    want({one["metric"] for one in amounts(page)} == {"EffectiveCost"}, "amounts of another metric")


@check("CO-5")
def a_filter_paints_nothing_anew(house):
    month = house.month()
    page = house.page(f"/costs?period={month}")
    before = colours(page)
    page.goto(house.url(f"/costs?period={month}&is.ChargeCategory=Usage&top=4"))
    shared = 0
    for group, colour in colours(page).items():
        if group in before and not group.startswith(("other", "(not")):
            shared += 1
            same(colour, before[group], group)
    want(shared >= 2, f"only {shared} groups are in both")


@check("CO-6")
def currencies_stay_apart(house):
    page = house.page(f"/costs?period={house.month()}")
    chips = page.locator("ul[aria-label='Currencies'] a.chip")
    want(chips.count() == 2, f"{chips.count()} currencies")
    first = {one["value"] for one in amounts(page) if one["currency"] == "USD"}
    want("EUR" not in page.locator("#costs").inner_text(), "EUR among USD")
    with page.expect_navigation():
        chips.filter(has_text="EUR").click()
    text = page.locator("#costs").inner_text()
    want("EUR" in text and "USD" not in text, text[:300])
    inside = page.evaluate("[...document.querySelectorAll('#costs data.money')].map((one) => one.value)")
    want(not (set(inside) - {"0"}) & first, "amounts of both are the same")
    both = [exact(chip.locator("data").get_attribute("value")) for chip in chips.all()]
    joint = str(sum(both))
    want(joint not in values(page), "a joint figure of both currencies")


@check("CO-7")
def titles_of_the_chart_are_the_table(house):
    page = house.page(f"/costs?period={house.month()}&currency=USD")
    titles = page.locator(".layer.wide .over [data-bucket] title").all_text_contents()
    want(len(titles) > 1, "the chart has no buckets")
    page.locator("details.by-time > summary").click()
    rows = page.locator("details.by-time tbody tr").all()
    same(len(rows), len(titles), "rows and buckets")
    for row, title in zip(rows, titles):
        cells = [cell.strip() for cell in row.locator("td").all_inner_texts()]
        if "no data yet" in cells[-1]:
            want("no data yet" in title, title)
            continue
        for cell in cells:
            if cell not in ("0.00", ""):
                want(cell in title, f"{cell} is not in {title!r}")


@check("CO-8")
def values_of_another_case_are_others(house):
    page = house.page("/costs?period=ytd&by=tag%3ATeam&scope=all&top=10")
    upper = {name for name, _ in figures(page)}
    page.goto(house.url("/costs?period=ytd&by=tag%3Ateam&scope=all&top=10"))
    lower = {name for name, _ in figures(page)}
    want(any(name[:1].isupper() for name in upper), f"tag:Team has {upper}")
    want(any(name[:1].islower() for name in lower), f"tag:team has {lower}")
    want(upper != lower, "both tags have the same values")
    corrected = house.scene["corrected"]
    page.goto(house.url(f"/costs?period={house.month()}&currency=EUR&by=tag%3Ateam&is.x_Connection={corrected}"))
    names = [name for name, _ in figures(page)]
    want("Prod" in names and "prod" in names, f"Prod and prod are {names}")


@check("CO-9")
def the_past_is_marked_and_is_what_it_was(house):
    past = house.scene["past"]
    query = f"period={past['month']}&currency=EUR"
    now = house.page(f"/costs?{query}")
    page = house.page(f"/costs?{query}&asof={urllib.parse.quote(past['at'])}")
    text = page.inner_text("body")
    want("You see what Billhook held on" in text and "Back to now" in text, text[:400])
    same(exact(the_total(page, "#costs")), exact(past["total"]), "the older total")
    want(the_total(now, "#costs") != the_total(page, "#costs"), "now is as it was")
    with page.expect_navigation():
        page.locator(".band a", has_text="Back to now").click()
    same(the_total(page, "#costs"), the_total(now, "#costs"), "back to now")


@check("LI-1", "LI-4")
def lines_are_those_of_the_cell(house):
    page = house.page(f"/costs?period={house.month()}&currency=USD")
    for row in (0, 2):
        cell = page.locator("#figures tbody tr").nth(row).locator("td a[title='Its lines']").first
        money, href = cell.locator("data").get_attribute("value"), cell.get_attribute("href")
        lines = house.page(href)
        same(exact(the_total(lines)), exact(money), href)
        query = urllib.parse.urlsplit(lines.url).query
        asked = house.api(f"/costs/lines?{query}")
        same(exact(asked["total"]), exact(money), f"API {href}")
        found, after = [], asked
        while True:
            found += after["lines"]
            if not after.get("next"):
                break
            after = house.api(f"/costs/lines?{query}&after={urllib.parse.quote(after['next'])}")
        same(len(found), asked["count"], "lines")
        same(total([line["amount"] for line in found]), exact(money), "sum of the lines")
        sizes = [abs(exact(line["amount"])) for line in found]
        want(sizes == sorted(sizes, reverse=True), "not the largest first")
        viewers = house.page(href, user="tom")
        same(values(viewers), values(lines), "what a viewer sees")


@check("LI-2")
def a_line_is_in_its_file(house):
    page = house.page(f"/costs/lines?period={house.month()}&currency=USD&is.x_Connection=acme-payer")
    with page.expect_navigation():
        page.locator("tbody th a").nth(3).click()
    facts = dict(
        zip(page.locator("dl.facts").first.locator("dt").all_inner_texts(),
            page.locator("dl.facts").first.locator("dd").all_inner_texts())
    )
    own = [facts_of for facts_of in facts if facts_of == "Record"]
    want(own, f"no provenance: {facts}")
    same(facts["Connection"], "acme-payer", "connection")
    files = list(Path(house.scene["buckets"]).rglob(Path(facts["File"]).name))
    files = [file for file in files if facts["Revision"] in str(file)] or files
    want(files, f"there is no {facts['File']}")
    text = gzip.open(files[0], "rt", encoding="utf-8", newline="") if files[0].suffix == ".gz" else files[0].open()
    with text as opened:
        rows = list(csv.DictReader(opened))
    number = int(re.sub(r"\D", "", facts["Record"]))
    amount = page.locator("dt:has-text('x_UnblendedCost') + dd data").first.get_attribute("value")
    # The header is record 1.
    found = exact(rows[number - 2]["lineItem/UnblendedCost"])
    same(exact(amount), found, f"record {number}")


@check("LI-3")
def paging_loses_and_doubles_nothing(house):
    query = "period=ytd&currency=EUR&is.x_Connection=" + house.scene["corrected"]
    whole = house.api(f"/costs/lines?{query}")
    first = house.page("/costs/lines?period=last-month&currency=USD")
    following = first.locator("a[rel=next]")
    want(following.count() == 1, "the list has one page only")
    seen = [link.get_attribute("href") for link in first.locator("tbody th a").all()]
    correct(house)
    with first.expect_navigation():
        following.click()
    more = [link.get_attribute("href") for link in first.locator("tbody th a").all()]
    want(not set(seen) & set(more), "lines are on both pages")
    want("Newer data have come" in first.inner_text("main"), "newer data are not told of")
    now = house.api(f"/costs/lines?{query}")
    want(now["total"] != whole["total"], "the correction did not come")


def correct(house):
    """Has AWS change a bill, and loads it."""
    file = Path(house.scene["bill"])
    text = file.read_text()
    changed = text.replace(",EUR,7", ",EUR,8", 1)
    want(changed != text, "the bill has been corrected already")
    file.write_text(changed)
    house.command("sync", house.scene["corrected"])
