"""One walk through all kinds of pages, in every theme and width: what the checks of X look at.

Each page is loaded once for each width. The theme, a narrower window, paper and the keyboard come
after that, on the page as it is: what the server sends does not depend on them.
"""

import re

import wizard
from house import DARK, LIGHT, NARROW, WIDE, amounts, sums, values, want, watch
from look import AXE, CLIPPED, CONTRAST, MENUS, OWN_RULES, PRINTED, STOPS, WATCH_FOCUS

# A4 upright without its margins, in pixels of CSS.
PAPER = 718

# More stops than any page has.
MOST_STOPS = 400


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


# Pages that one has to find: the page with a link to each, and the link.
BEHIND = [
    ("/costs/lines", "tbody th a"),
    ("/history/{corrected}/{month}", "#deliveries tbody th a"),
    ("/settings/users", "main tbody th a"),
    ("/settings/authority", "main a:has-text('Choose another one')"),
]

# Seen last, by nobody.
SIGN_IN = "/sign-in"

# What is made for the walk alone.
SINK, DRAFT = "walked", "walked"


def found(house):
    """Pages behind a link, the steps of a draft that is ready to be saved, and those of a sink."""
    paths = []
    page = house.page("/")
    for path, link in BEHIND:
        page.goto(house.url(path.format(corrected=house.scene["corrected"], month=house.month())))
        href = page.locator(link).first.get_attribute("href", timeout=5_000)
        paths.append(href)
    draft = wizard.in_bucket(house, "cur", DRAFT, house.scene["aws"]["places"]["cur"])
    address = draft.url.removeprefix(house.url("")).rsplit("/", 1)[0]
    paths += [f"{address}/{step}" for step in ("place", "access", "report", "check", "save")]
    target = {"kind": "http", "url": "http://127.0.0.1:9/", "mode": "batched"}
    settings = {"target": target, "from": "now"}
    house.api("/sinks", "POST", {"name": SINK, "settings": settings, "unverified": True})
    house.api(f"/sinks/{SINK}/pause", "POST")
    run = house.api(f"/connections/{house.scene['corrected']}/sync", "POST")
    paths.append(f"/runs/{run['id']}")
    return paths + [f"/streams/{SINK}", f"/streams/{SINK}/settings", f"/streams/{SINK}/replay"]


def tidy(house, paths):
    """Takes away what was made for the walk."""
    house.api(f"/sinks/{SINK}", "DELETE")
    page = house.page(next(path for path in paths if path.endswith("/save")))
    with page.expect_navigation():
        page.locator("button", has_text="Discard this draft").click()
    want(DRAFT not in page.inner_text("main"), "the draft of the walk is still there")


def with_money(house):
    return [path for path in pages(house) if path.startswith(("/costs", "/history")) or path == "/"]


def name(path):
    """What its pictures are called, the same with every walk."""
    plain = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}(-\d+)?", "id", path.lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80] or "overview"


class Survey:
    """What was seen: wrongs by the number of a check, and the amounts of pages."""

    def __init__(self):
        self.failure = None
        self.wrongs = {}
        self.values = {}
        self.amounts = {}
        self.sums = {}
        self.tables = 0

    def walk(self, house):
        money = set(with_money(house))
        extra = found(house)
        paths = pages(house) + extra
        for width in (WIDE, NARROW):
            # Without movement: a colour on its way from one theme to the other is neither.
            context = house.context(width=width, reduced_motion="reduce")
            page = context.new_page()
            watch(page)
            sizes = loads(page)
            for path in [*paths, SIGN_IN]:
                if path == SIGN_IN:
                    context.clear_cookies()
                page.wrongs.clear()
                sizes.clear()
                page.emulate_media(media="screen", color_scheme=LIGHT)
                page.goto(house.url(path))
                if width == WIDE:
                    self.is_light(page, path, sizes)
                    if path in money:
                        self.values[path] = values(page)
                        self.amounts[path] = amounts(page)
                        self.sums[path] = sums(page)
                else:
                    self.fits(page, path)
                self.by_keyboard(page, path, width)
                self.in_themes(house, page, path, width)
                if width == WIDE:
                    self.on_paper(page, path)
            context.close()
        tidy(house, extra)

    def note(self, number, found):
        self.wrongs.setdefault(number, []).extend(found)

    def is_light(self, page, path, sizes):
        page.wait_for_timeout(50)
        nodes = page.evaluate("document.querySelectorAll('*').length")
        if sum(sizes) > 150_000 or nodes > 1_500:
            self.note("X-12", [f"{path}: {sum(sizes)} bytes, {nodes} nodes"])

    def fits(self, page, path):
        for width in (NARROW, 320):
            page.set_viewport_size({"width": width, "height": 844})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                guilty = page.evaluate(CLIPPED, width)
                self.note("X-4", [f"{path} is {wide} wide at {width}: {guilty}"])
        page.set_viewport_size({"width": NARROW, "height": 844})

    def by_keyboard(self, page, path, width):
        """X-6: Tab from the first stop to the last, and Esc out of every menu."""
        page.evaluate(WATCH_FOCUS)
        for _ in range(0, MOST_STOPS, 10):
            for _ in range(10):
                page.keyboard.press("Tab")
            if page.evaluate("window.seen_stops.is_over"):
                break
        found = page.evaluate(STOPS)
        self.note("X-6", [f"{path} at {width}: {wrong}" for wrong in found])
        for at in range(page.evaluate(MENUS)):
            wrong = escape(page, at)
            if wrong:
                self.note("X-6", [f"{path} at {width}: {wrong}"])

    def in_themes(self, house, page, path, width):
        """X-2 and X-5, first dark and then light."""
        for theme in (DARK, LIGHT):
            page.emulate_media(color_scheme=theme)
            view = f"{path} {theme} {width}"
            if theme == DARK:
                expected = "404" if path == "/no-such-page" else None
                wrongs = [wrong for wrong in page.wrongs if not expected or expected not in wrong]
                self.note("X-2", [f"{view}: {wrong}" for wrong in wrongs])
                self.note("X-5", [f"{view}: {wrong}" for wrong in page.evaluate(OWN_RULES)])
                if house.axe:
                    page.evaluate(house.axe)
            self.note("X-5", [f"{view}: {wrong}" for wrong in page.evaluate(CONTRAST)])
            if house.axe:
                self.note("X-5", [f"{view}: axe {wrong}" for wrong in page.evaluate(AXE)])
            # Last, since it leaves marks in the page. Both themes and both widths are seen in two.
            if (theme, width) in ((LIGHT, WIDE), (DARK, NARROW)):
                house.shot(page, f"{name(path)}-{theme}-{width}")

    def on_paper(self, page, path):
        """X-15, for somebody whose screen is dark."""
        page.emulate_media(media="print", color_scheme=DARK)
        page.set_viewport_size({"width": PAPER, "height": 1000})
        found = page.evaluate(PRINTED, PAPER)
        self.tables += found["tables"]
        self.note("X-15", [f"{path}: {wrong}" for wrong in found["wrongs"]])
        page.set_viewport_size({"width": WIDE, "height": 900})


def loads(page):
    """The sizes of what each load of a page brings, as for somebody who comes for the first time."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return sizes


def escape(page, at):
    """Opens a menu by the keyboard and closes it again; gives what is wrong with that."""
    menu = f"window.seen_menus[{at}]"
    page.evaluate(f"{menu}.querySelector('summary').focus()")
    page.keyboard.press("Enter")
    if not page.evaluate(f"{menu}.open"):
        return "Enter does not open " + page.evaluate(f"{menu}.outerHTML.slice(0, 80)")
    page.keyboard.press("Escape")
    if page.evaluate(f"{menu}.open"):
        return "Esc does not close " + page.evaluate(f"{menu}.outerHTML.slice(0, 80)")
    if not page.evaluate(f"document.activeElement === {menu}.querySelector('summary')"):
        return "the focus is not where it was before " + page.evaluate(f"{menu}.outerHTML.slice(0, 80)")
    return None
