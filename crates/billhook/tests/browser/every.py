"""X: what holds on every page."""

import csv
import io
import re

from house import (
    ALL, DARK, LIGHT, NARROW, WIDE, Wrong, amounts, sums, the_total, total, values, want, watch,
)
from look import CONTRAST, OWN_RULES
from numbered import check


def pages(house):
    """All kinds of pages, with something on them."""
    month = house.month()
    corrected = house.scene["corrected"]
    return [
        "/",
        "/costs",
        f"/costs?period={month}&by=SubAccountId&by=ServiceName&cmp=previous",
        "/costs?period=last-month&by=tag:team&view=lines",
        "/costs/values?col=ServiceName",
        "/costs/lines",
        "/costs/saved",
        "/history",
        f"/history/{corrected}/{month}",
        "/connections",
        "/connections/acme-payer",
        "/connections/acme-payer/deliveries",
        "/connections/acme-payer/runs",
        "/connections/acme-payer/settings",
        "/connections/acme-payer/remove",
        "/connections/gone",
        "/connections/new",
        "/streams",
        "/streams/new",
        "/sql",
        "/settings/users",
        "/settings/tokens",
        "/settings/tokens/new",
        "/settings/authority",
        "/settings/audit",
        "/settings/instance",
        "/settings/password",
        "/help/metrics",
        "/help/findings",
        "/help/findings/get-denied",
        "/help/mappings/cur",
        "/no-such-page",
    ]


def with_money(house):
    return [path for path in pages(house) if path.startswith(("/costs", "/history")) or path == "/"]


def name(path):
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "overview"


def each(house, paths, view=None, **more):
    """Each of the pages, in one browser."""
    theme, width = view or (LIGHT, WIDE)
    context = house.context(theme=theme, width=width, **more)
    page = context.new_page()
    watch(page)
    for path in paths:
        page.wrongs.clear()
        page.goto(house.url(path))
        yield path, page
    context.close()


@check("X-1")
def amounts_need_no_script(house):
    paths = with_money(house)
    without = {path: values(page) for path, page in each_plain(house, paths)}
    for path, page in each(house, paths):
        want(without[path] or path == "/costs/saved", f"{path} has no amounts")
        if values(page) != without[path]:
            raise Wrong(f"{path}: with script {values(page)[:5]}, without {without[path][:5]}")


def each_plain(house, paths):
    """The same pages as who has no script gets them: their markup, read by a page of ours."""
    context = house.context()
    reader = house.context(user=None).new_page()
    for path in paths:
        answer = context.request.get(house.url(path))
        reader.set_content(re.sub(r"<script[^>]*></script>", "", answer.text()))
        yield path, reader


@check("X-2")
def nothing_is_refused_and_nobody_else_is_asked(house):
    for view in ALL:
        for path, page in each(house, pages(house), view):
            page.wait_for_timeout(50)
            expected = "404" if path == "/no-such-page" else None
            wrongs = [wrong for wrong in page.wrongs if not expected or expected not in wrong]
            want(not wrongs, f"{path} {view}: {wrongs}")
            house.shot(page, f"{name(path)}-{view[0]}-{view[1]}")


@check("X-3")
def rows_add_up(house):
    seen = 0
    for path, page in each(house, with_money(house)):
        for table in sums(page):
            if not table["rows"]:
                continue
            seen += 1
            found = total(table["rows"])
            want(
                found == total([table["total"]]),
                f"{path}, {table['id']}: rows {found}, total {table['total']}",
            )
    want(seen >= 4, f"only {seen} tables have a total")


@check("X-4")
def no_page_scrolls_sideways(house):
    for width in (NARROW, 320):
        for path, page in each(house, pages(house), (LIGHT, width)):
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                guilty = page.evaluate(
                    """(width) => [...document.querySelectorAll('body *')].filter((one) =>
                      one.getBoundingClientRect().right > width + 1
                      && !one.closest('.scroll, pre, .bh')).slice(0, 5)
                      .map((one) => one.outerHTML.slice(0, 120))""",
                    width,
                )
                raise Wrong(f"{path} is {wide} wide at {width}: {guilty}")


@check("X-5")
def everybody_can_use_it(house):
    wrongs = []
    for view in [(LIGHT, WIDE), (DARK, WIDE), (LIGHT, NARROW)]:
        for path, page in each(house, pages(house), view, bypass_csp=True):
            for found in page.evaluate(OWN_RULES) + page.evaluate(CONTRAST):
                wrongs.append(f"{path} {view}: {found}")
            if house.axe:
                page.evaluate(house.axe)
                answer = page.evaluate(
                    "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', "
                    "'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations.map("
                    "(one) => `${one.id}: ${one.help}: ` + one.nodes.slice(0, 2)"
                    ".map((node) => node.html.slice(0, 160)).join(' | '))"
                )
                wrongs.extend(f"{path} {view}: axe {found}" for found in answer)
    want(not wrongs, f"{len(wrongs)}: " + "\n".join(wrongs[:25]))


@check("X-6")
def the_keyboard_goes_everywhere(house):
    for path in ("/", "/costs", "/connections", "/sql"):
        page = house.page(path)
        tops = []
        for _ in range(40):
            page.keyboard.press("Tab")
            at = page.evaluate(
                """() => {
                  const one = document.activeElement;
                  if (!one || one === document.body) return null;
                  const box = one.getBoundingClientRect();
                  const style = getComputedStyle(one);
                  const ring = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none';
                  const area = one.closest('header, main, footer, .pop');
                  return {ring: ring || style.boxShadow !== 'none', html: one.outerHTML.slice(0, 120),
                    top: box.top + scrollY, left: box.left, height: box.height,
                    area: area ? area.localName + area.className : ''};
                }"""
            )
            if at is None:
                break
            want(at["ring"], f"{path}: the focus is not seen on {at['html']}")
            tops.append(at)
        want(len(tops) > 5, f"{path}: only {len(tops)} stops")
        first = tops[0]["html"]
        want("skip" in first, f"{path} begins with {first}")
        for above, below in zip(tops, tops[1:]):
            if above["area"] != below["area"] or above["area"].startswith("div"):
                continue
            is_back = below["top"] + below["height"] < above["top"] - 4 and below["left"] <= above["left"]
            want(not is_back, f"{path}: {below['html']} comes after {above['html']}")
        menu = page.locator("details.person")
        menu.locator("summary").click()
        want(menu.get_attribute("open") is not None, f"{path}: the menu does not open")
        page.keyboard.press("Escape")
        want(menu.get_attribute("open") is None, f"{path}: Esc does not close the menu")


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
    for path, page in each(house, with_money(house)):
        for amount in amounts(page):
            for part in ("currency", "metric"):
                want(amount[part], f"{path}: {amount['shown']} has no {part}")
            want(re.fullmatch(r"[A-Z]{3}", amount["currency"]), f"{path}: {amount}")
            if path.startswith("/costs/line"):
                continue
            for part in ("from", "to", "state"):
                want(amount[part] is not None, f"{path}: {amount['shown']} has no {part}")


@check("X-12")
def pages_are_light(house):
    wrongs = []
    for path in pages(house):
        page = house.context().new_page()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        sizes = []
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page.goto(house.url(path))
        page.wait_for_timeout(100)
        nodes = page.evaluate("document.querySelectorAll('*').length")
        if sum(sizes) > 150_000 or nodes > 1_500:
            wrongs.append(f"{path}: {sum(sizes)} bytes, {nodes} nodes")
        page.context.close()
    want(not wrongs, wrongs)


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
    for width in (WIDE, NARROW):
        context = house.context(home="hostile", width=width)
        page = context.new_page()
        watch(page)
        shown = 0
        for path in views:
            page.goto(house.url(path, "hostile"))
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
        want(shown >= 3, f"the names are seen on {shown} pages only")


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
    for path in ("/", "/costs", "/history"):
        page = house.page(path, theme=DARK)
        page.emulate_media(media="print", color_scheme="dark")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = [int(part) for part in re.findall(r"\d+", ground)[:3]]
        is_clear = ground == "rgba(0, 0, 0, 0)"
        want(is_clear or min(light) > 230, f"{path} is printed on {ground}")
        ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
        want(max(int(part) for part in re.findall(r"\d+", ink)[:3]) < 90, f"{path}: ink {ink}")
        text = page.inner_text("body")
        want("Drawn " in text and "UTC" in text, f"{path}: no time is printed")
        address = page.evaluate(
            """() => [...document.querySelectorAll('body *')].some((one) =>
              one.checkVisibility() && (one.textContent.includes(location.pathname + location.search)
              || getComputedStyle(one, '::after').content.includes('/')))"""
        )
        want(address, f"{path}: no address is printed")
        hidden = page.evaluate(
            "[...document.querySelectorAll('main table tbody tr')].filter((row) => "
            "!row.closest('details') && !row.checkVisibility()).length"
        )
        want(hidden == 0, f"{path}: {hidden} rows are not printed")
