"""SQ, SE and SI: SQL, settings, and sign-in."""

import re
import urllib.parse

from house import exact, same, the_total, want
from numbered import check

NUMBERS = "SELECT value FROM generate_series(1, 1001)"


@check("SQ-2")
def what_is_cut_says_so(house):
    page = house.page("/sql")
    page.fill("#q", NUMBERS)
    page.focus("#q")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#answer")
    text = page.inner_text("main")
    want("First 1,000 of 1,001" in text, text[:600])
    with page.expect_download() as loading:
        page.locator("button", has_text="CSV, all rows").click()
    lines = open(loading.value.path(), encoding="utf-8").read().splitlines()
    same(len(lines), 1_002, "lines of the file")
    # What is asked by way of a page is as exact as a page.
    page.goto(house.url("/sql"))
    page.fill("#q", "SELECT BillingCurrency, SUM(BilledCost) AS total FROM costs GROUP BY 1 ORDER BY 1")
    page.locator("button[value=run]").click()
    page.wait_for_selector("#answer")
    cell = page.locator("tr", has_text="EUR").locator("data").first.get_attribute("value")
    told = house.ask("SELECT SUM(BilledCost) FROM costs WHERE BillingCurrency = 'EUR'")
    same(exact(cell), exact(told), "page and command line")
    page.fill("#q", "SELECT SUM(BilledCost) FROM costs")
    page.locator("button[value=run]").click()
    page.wait_for_selector("#answer")
    want("adds EUR and USD" in page.inner_text("main") or "adds USD and EUR" in page.inner_text("main"),
         "nobody warns that currencies are added")


@check("SQ-3")
def a_link_does_not_run(house):
    query = urllib.parse.quote("SELECT 40 + 2 AS answer")
    page = house.page(f"/sql?q={query}")
    same(page.input_value("#q").strip(), "SELECT 40 + 2 AS answer", "the text")
    want(page.locator("#answer").count() == 0, "it was run")
    page.locator("button[value=run]").click()
    page.wait_for_selector("#answer")
    want("42" in page.locator("table tbody").last.inner_text(), "no answer")
    page.fill("#q", "SELECT billed_cost FROM costs")
    page.locator("button[value=run]").click()
    page.wait_for_selector(".summary")
    want("BilledCost" in page.inner_text("main"), page.inner_text(".summary"))
    same(page.input_value("#q").strip(), "SELECT billed_cost FROM costs", "the text is kept")
    want(page.title().startswith("Error: "), page.title())


@check("SE-4")
def what_is_previewed_is_what_comes(house):
    page = house.page("/settings/authority")
    choose = page.locator("a", has_text="Choose another one").first
    want(choose.count() == 1, "no account has two connections")
    with page.expect_navigation():
        choose.click()
    other = page.locator("input[name=connection]:not(:checked):not([value=''])").first
    other.check()
    with page.expect_navigation():
        page.locator("button", has_text="Show what would change").click()
    row = page.locator("#preview tbody tr").first
    month = row.locator("time").get_attribute("datetime")[:7]
    currency = row.get_attribute("data-currency")
    before, after = [
        exact(row.locator("td[data-metric=BilledCost] data").nth(at).get_attribute("value"))
        for at in (0, 1)
    ]
    want(before != after, "the two say the same")
    query = f"/costs?period={month}&currency={currency}"
    own = exact(the_total(house.page(query), "#costs"))
    with page.expect_navigation():
        page.locator("#preview button", has_text="Save").click()
    now = exact(the_total(house.page(query), "#costs"))
    same(now - own, after - before, f"change of {month}")
    # As it was before.
    page.goto(house.url("/settings/authority"))
    page.locator("a", has_text="Choose another one").first.click()
    page.locator("#own").check()
    page.locator("button", has_text="Show what would change").click()
    with page.expect_navigation():
        page.locator("#preview button", has_text="Save").click()
    same(exact(the_total(house.page(query), "#costs")), own, "as it was")


@check("SI-1")
def nothing_is_seen_before_sign_in(house):
    for path in ("/", "/costs", "/sign-in", "/no-such-page"):
        page = house.page(path, user=None)
        want(page.locator("data.money, nav, .fresh a").count() == 0, f"{path} shows something")
        text = page.inner_text("body")
        for told in ("acme", "maria", "USD", "EUR"):
            want(told not in text, f"{path} tells {told}")
    page = house.page("/costs?by=tag%3Ateam", user=None)
    page.fill("#user", "tom")
    page.fill("#password", house.scene["password"])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    want(page.url.endswith("/costs?by=tag%3Ateam"), f"after sign-in comes {page.url}")


@check("SI-4")
def who_guesses_is_told_when(house):
    page = house.page("/sign-in", user=None)
    for _ in range(9):
        page.fill("#user", "somebody-else")
        page.fill("#password", "wrong horse battery")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        text = page.inner_text(".summary")
        same(page.input_value("#password"), "", "the password is not kept")
        if "Too many tries" in text:
            break
    want(re.search(r"Next try possible at .*\d\d:\d\d:\d\d UTC", text), text)
    same(page.evaluate("document.activeElement.className"), "summary", "the focus")


@check("SI-5")
def a_password_manager_knows_the_fields(house):
    page = house.page("/sign-in", user=None)
    same(page.get_attribute("#user", "autocomplete"), "username", "user")
    same(page.get_attribute("#password", "autocomplete"), "current-password", "password")
    same(page.get_attribute("#password", "type"), "password", "type")
    page.locator("#password").fill("pasted words")
    page.goto(house.url("/settings/users"))
    page = house.page("/settings/password")
    kinds = page.locator("input[type=password]").evaluate_all("(all) => all.map((one) => one.autocomplete)")
    want("current-password" in kinds and "new-password" in kinds, f"fields are {kinds}")
