"""ER: what fails, told by pages of their own."""

import re
import sqlite3
from contextlib import contextmanager
from pathlib import Path

from house import NARROW, heading, same, until, want
from numbered import check


def told(page, status):
    """The heading of a failure that is drawn as it should be."""
    text = page.inner_text("main")
    want(f"{status} \u00b7 request" in text, f"no number of the request: {text}")
    want("What to do:" in text or page.locator("main a.button").count() > 0, f"{status}: {text}")
    want(not re.search(r"\.rs\b|src/|panicked|/root/|/tmp/", text), f"{status}: {text}")
    want(page.title().startswith(heading(page)), page.title())
    return heading(page)


def opened(page, house, path, status, home="main"):
    """Opens what fails so; gives its heading."""
    answer = page.goto(house.url(path, home))
    want(answer.status == status, f"{path}: {answer.status}, {page.inner_text('main')[:400]}")
    return told(page, status)


def posted(reader, answer, status):
    """The same of the answer to a form."""
    want(answer.status == status, f"{answer.url}: {answer.status} {answer.text()[:400]}")
    reader.set_content(re.sub(r"<script[^>]*></script>", "", answer.text()))
    return told(reader, status)


@contextmanager
def a_damaged_draft(house):
    """The address of a draft whose answers somebody has overwritten in the control database."""
    page = house.page("/connections/new", home="hostile")
    with page.expect_navigation():
        page.locator("button[value=cur]").click()
    address = page.url.removeprefix(house.url("", "hostile"))
    own = address.split("/")[3]
    kept = sqlite3.connect(Path(house.scene["hostile"]) / "billhook.db", timeout=30)
    answers = kept.execute("SELECT answers FROM drafts WHERE id = ?", (own,)).fetchone()
    try:
        kept.execute("UPDATE drafts SET answers = '[7]' WHERE id = ?", (own,))
        kept.commit()
        yield address
    finally:
        kept.execute("UPDATE drafts SET answers = ? WHERE id = ?", (*answers, own))
        kept.commit()
        kept.close()


@contextmanager
def a_lake_that_is_away(house):
    """The folder of a lake is somewhere else for a while, as a disk that is not mounted."""
    lake = Path(house.scene["hostile"]) / "lake"
    away = lake.with_name("lake-away")
    lake.rename(away)
    try:
        yield
    finally:
        away.rename(lake)


def asked(house, page):
    """How the costs are answered."""
    return page.goto(house.url("/costs", "hostile")).status


@check("ER-1", "ER-2")
def failures_have_their_own_words(house):
    headings = {}
    context = house.context()
    page = context.new_page()
    headings[400] = opened(page, house, "/costs?metric=Cost", 400)
    want("BilledCost" in page.inner_text("main") or "Did you mean" in page.inner_text("main"),
         "nothing near it is named")
    headings[404] = opened(page, house, "/no-such-page", 404)
    # Forms that cannot be taken: one that would leave nobody an admin, and one that is too large.
    reader = house.context(user=None).new_page()
    page.goto(house.url("/settings/users"))
    csrf = page.locator("input[name=csrf]").first.get_attribute("value")
    last = context.request.post(
        house.url("/settings/users/maria"), form={"csrf": csrf, "role": "viewer"}
    )
    headings[409] = posted(reader, last, 409)
    large = context.request.post(house.url("/theme"), form={"csrf": csrf, "next": "x" * 3_000_000})
    headings[413] = posted(reader, large, 413)
    spent = house.context(user=None).new_page()
    headings[410] = opened(spent, house, "/invite?token=spent", 410)
    viewer = house.context(user="tom").new_page()
    headings[403] = opened(viewer, house, "/settings/users", 403)
    want("maria" in viewer.inner_text("main"), "nobody says who may")
    with a_damaged_draft(house) as address:
        local = house.context(home="hostile").new_page()
        headings[500] = opened(local, house, address, 500, "hostile")
        want("Your data was not changed" in local.inner_text("main"), local.inner_text("main"))
        house.shot(local, "failure-500")
    with a_lake_that_is_away(house):
        until(lambda: asked(house, local) == 503, "a lake that is away is told", 30)
        headings[503] = told(local, 503)
        house.shot(local, "failure-503")
        for path in ("/connections", "/settings/instance"):
            answer = local.goto(house.url(path, "hostile"))
            want(answer.status == 200, f"{path} without a lake: {answer.status}")
    until(lambda: asked(house, local) == 200, "the lake is back", 60)
    same(len(set(headings.values())), len(headings), f"headings {headings}")
    form_is_kept(house)


def form_is_kept(house):
    """A form that is refused keeps what was typed, says it twice and leads to the field."""
    page = house.page("/settings/users", width=NARROW)
    page.fill("#name", "two words")
    with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        page.locator("main form", has=page.locator("#name")).locator("button").last.click()
    same(sent.value.status, 422, "what the form is answered with")
    page.wait_for_selector(".summary")
    want(page.title().startswith("Error: "), page.title())
    same(page.input_value("#name"), "two words", "what was typed")
    words = page.locator(".summary a").first.inner_text()
    same(page.locator("#name-error").inner_text(), words, "the words at the field")
    page.locator(".summary a").first.click()
    same(page.evaluate("document.activeElement.id"), "name", "where the summary leads")


@check("ER-3")
def a_failure_leaves_other_pages_working(house):
    with a_damaged_draft(house) as address:
        page = house.context(home="hostile").new_page()
        opened(page, house, address, 500, "hostile")
        menu = page.locator("header nav a")
        want(menu.count() >= 6, "the menu is gone")
        for at in range(menu.count()):
            name = menu.nth(at).inner_text()
            with page.expect_response(lambda answer: answer.request.is_navigation_request()) as got:
                menu.nth(at).click()
            want(got.value.status in (200, 303), f"{name}: {got.value.status}")
            page.wait_for_load_state()
            page.goto(house.url(address, "hostile"))
