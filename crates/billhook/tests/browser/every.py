"""X: what holds on every page. Most of it was seen on one walk through all of them."""

import csv
import io
import re
import traceback

from house import NARROW, WIDE, exact, the_total, total, values, want, watch
from numbered import check
from survey import Survey, name, with_money


def seen(house):
    """The walk, which is done once."""
    if house.survey is None:
        house.survey = Survey()
        try:
            house.survey.walk(house)
        except Exception:
            house.survey.failure = traceback.format_exc(limit=-3).strip()
    want(not house.survey.failure, house.survey.failure)
    return house.survey


def none(house, number):
    """Nothing of a check was seen to be wrong."""
    wrongs = seen(house).wrongs.get(number, [])
    want(not wrongs, f"{len(wrongs)}: " + "\n".join(wrongs[:25]))


@check("X-1")
def amounts_need_no_script(house):
    walk = seen(house)
    for path, page in each_plain(house, with_money(house)):
        without, within = values(page), walk.values[path]
        want(without or path == "/costs/saved", f"{path} has no amounts")
        want(within == without, f"{path}: with script {within[:5]}, without {without[:5]}")


def each_plain(house, paths):
    """The pages as who has no script gets them: their markup, read by a page of ours."""
    context = house.context()
    reader = house.context(user=None).new_page()
    for path in paths:
        answer = context.request.get(house.url(path))
        reader.set_content(re.sub(r"<script[^>]*></script>", "", answer.text()))
        yield path, reader


@check("X-2")
def nothing_is_refused_and_nobody_else_is_asked(house):
    none(house, "X-2")


@check("X-3")
def rows_add_up(house):
    count = 0
    for path, tables in seen(house).sums.items():
        for table in tables:
            if not table["rows"]:
                continue
            count += 1
            found = total(table["rows"])
            want(
                found == exact(table["total"]),
                f"{path}, {table['id']}: rows {found}, total {table['total']}",
            )
    want(count >= 4, f"only {count} tables have a total")


@check("X-4")
def no_page_scrolls_sideways(house):
    none(house, "X-4")


@check("X-5")
def everybody_can_use_it(house):
    none(house, "X-5")


@check("X-6")
def the_keyboard_goes_everywhere(house):
    none(house, "X-6")
    page = house.page("/")
    page.keyboard.press("?")
    want(page.locator("#keys[open]").count() == 1, "the list of keys does not open")
    page.keyboard.press("Escape")
    want(page.locator("#keys[open]").count() == 0, "Esc does not close the list of keys")


@check("X-7")
def back_is_the_view_before(house):
    page = house.page(f"/costs?period={house.month()}")
    first, money = page.url, the_total(page)
    with page.expect_navigation():
        page.locator("#figures tbody th a:not(.stand)").first.click()
    want(page.url != first, "a group leads nowhere")
    page.go_back()
    want(page.url == first and the_total(page) == money, f"back is {page.url}")
    page.locator("#period summary").click()
    with page.expect_navigation():
        page.locator("#period a.chip", has_text="Last month").first.click()
    page.go_back()
    want(page.url == first and the_total(page) == money, f"back is {page.url}")


@check("X-8")
def an_address_is_a_view(house):
    page = house.page(f"/costs?period={house.month()}")
    with page.expect_navigation():
        page.locator("#figures tbody th a:not(.stand)").first.click()
    own = values(page)
    other = house.page(page.url.removeprefix(house.url("")), user="tom")
    want(values(other) == own, f"{page.url}: {own[:4]} is {values(other)[:4]} to a viewer")


@check("X-9")
def page_api_file_and_command_line_say_the_same(house):
    month = house.month()
    page = house.page(f"/costs?period={month}&currency=USD")
    money = total([the_total(page, "#costs")])
    asked = house.api(f"/costs?period={month}&currency=USD")
    want(total([asked["total"]]) == money, f"page {money}, API {asked['total']}")
    file = house.download(f"/costs/costs.csv?period={month}&currency=USD").decode("utf-8")
    found = csv_total(file, "BilledCost")
    want(found == money, f"page {money}, CSV {found}")
    told = house.ask(
        "SELECT SUM(BilledCost) FROM costs WHERE BillingCurrency = 'USD' AND "
        f"ChargePeriodStart >= '{asked['from']}' AND ChargePeriodStart < '{asked['to']}'"
    )
    want(total([told]) == money, f"page {money}, command line {told}")


def csv_total(text, metric):
    """Σ of the column of a metric."""
    return total([row[metric] for row in csv.DictReader(io.StringIO(text))])


@check("X-10")
def every_amount_says_what_it_is(house):
    for path, found in seen(house).amounts.items():
        for amount in found:
            for part in ("currency", "metric"):
                want(amount[part], f"{path}: {amount['shown']} has no {part}")
            want(re.fullmatch(r"[A-Z]{3}", amount["currency"]), f"{path}: {amount}")
            if path.startswith("/costs/line"):
                continue
            for part in ("from", "to", "state"):
                want(amount[part] is not None, f"{path}: {amount['shown']} has no {part}")


@check("X-12")
def pages_are_light(house):
    none(house, "X-12")


@check("X-13")
def names_of_strangers_do_nothing(house):
    views = [
        "/?period=2026-09",
        "/costs?period=2026-09&by=SubAccountName",
        "/costs?period=2026-09&by=tag%3Ateam",
        "/costs?period=2026-09&by=ResourceId",
        "/costs/values?period=2026-09&col=SubAccountName",
        "/costs/lines?period=2026-09&col=SubAccountName%2CResourceId%2Ctag%3Ateam",
        "/history",
    ]
    page = house.context(home="hostile").new_page()
    watch(page)
    shown = 0
    for path in views:
        page.goto(house.url(path, "hostile"))
        for width in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(50)
            want(not page.wrongs, f"{path}: {page.wrongs}")
            same = page.locator("main img, main script, main [onerror]").count()
            want(same == 0, f"{path} has markup of the bill")
            text = page.inner_text("main")
            shown += "<img src=x" in text
            want("\u202e" not in text, f"{path} has text that turns round")
            wide = page.evaluate("document.documentElement.scrollWidth")
            want(wide <= width, f"{path} is {wide} wide at {width}")
            house.shot(page, f"hostile-{name(path)}-{width}")
    want(shown >= 6, f"the names are seen in {shown} views only")


@check("X-14")
def a_viewer_is_offered_nothing_for_admins(house):
    page = house.page("/connections", user="tom")
    want(page.locator("a[href='/connections/new']").count() == 0, "a viewer may add connections")
    want("needs the admin role" in page.inner_text("main"), "nobody says who may")
    want("maria" in page.inner_text("main"), "nobody says who the admins are")
    for path in ("/connections/acme-payer", "/connections/acme-payer/settings", "/streams"):
        page.goto(house.url(path))
        offered = page.locator("main form[method=post]").count()
        want(offered == 0, f"{path} offers {offered} forms")
    page.goto(house.url("/settings"))
    want(page.locator("main form[action*='users']").count() == 0, "a viewer may change users")
    answer = page.goto(house.url("/settings/users"))
    want(answer.status == 403, f"users are shown with {answer.status}")


@check("X-15")
def pages_can_be_printed(house):
    none(house, "X-15")
    tables = seen(house).tables
    want(tables >= 20, f"only {tables} tables are printed")
