"""CN and CD: connections, their health, and what is done to them."""

import re
from pathlib import Path

from house import same, until, want
from numbered import check


def row(page, name):
    return page.locator("#connections tbody tr", has=page.locator(f"th a:text-is('{name}')"))


@check("CN-1", "CN-2", "CN-5")
def each_is_told_with_icon_word_and_reason(house):
    page = house.page("/connections")
    seen = {}
    for one in page.locator("#connections tbody tr").all():
        name = one.locator("th").inner_text().strip()
        state = one.locator(".state").first
        word = state.inner_text().strip()
        want(state.locator("svg").count() == 1, f"{name} has no icon")
        want(word in ("healthy", "waiting", "degraded", "broken", "paused"), f"{name} is {word}")
        reason = one.locator(".reason")
        if word in ("waiting", "degraded", "broken"):
            want(reason.count() > 0 and reason.first.inner_text().strip(), f"{name}: no reason")
        seen[name] = word
    for word in ("healthy", "waiting", "broken"):
        want(word in seen.values(), f"nothing is {word}: {seen}")
    order = ["broken", "degraded", "waiting", "healthy", "paused"]
    places = [order.index(word) for word in seen.values()]
    same(places[0], 0, f"broken is not first: {seen}")
    same([at for at in places if at == 0], places[: places.count(0)], f"{seen}")
    waiting = next(name for name, word in seen.items() if word == "waiting")
    one = row(page, waiting)
    want(one.locator(".broken").count() == 0, f"{waiting} has red")
    text = one.inner_text()
    want(re.search(r"\d\d:\d\d UTC|24 hours|expected", text), f"{waiting} does not say until when: {text}")


@check("CN-3")
def a_viewer_is_told_who_may_add(house):
    page = house.page("/connections", user="tom")
    want(page.locator("a", has_text="Add a connection").count() == 0, "a viewer may add")
    want("Adding connections needs the admin role. Admins here: maria" in page.inner_text("main"),
         page.inner_text("main")[:400])


@check("CN-4")
def the_command_line_says_the_same(house):
    import json

    told = {one["name"]: one for one in json.loads(house.command("connections", "--json"))}
    page = house.page("/connections")
    asked = {one["name"]: one for one in house.api("/connections")["items"]}
    same(set(told), set(asked), "names")
    for name, one in told.items():
        same(one["kind"], asked[name]["kind"], f"kind of {name}")
        word = row(page, name).locator(".state").first.inner_text().strip()
        health = one.get("health")
        health = health if isinstance(health, str) else (health or {}).get("health")
        if one.get("paused_since"):
            health = "paused"
        same(word, health, f"health of {name}")


@check("CD-1", "CD-3")
def a_finding_leads_to_its_mend(house):
    page = house.page("/connections/gone")
    findings = page.locator("article.finding")
    want(findings.count() > 0, "nothing is found")
    for finding in findings.all():
        text = finding.inner_text()
        for part in ("Seen", "Expected", "Fix"):
            want(part in text, f"no {part}: {text}")
        link = finding.locator("a[href^='/help/findings/']")
        want(link.count() == 1, f"no page of help: {text}")
        code = link.inner_text().strip()
        other = house.page(link.get_attribute("href"))
        want(code in other.inner_text("main"), f"the page does not tell of {code}")
    entries = page.locator("section", has_text="Health history").last.locator("li").count()
    # Somebody puts the folder back.
    Path(house.scene["gone"]["away"]).rename(house.scene["gone"]["folder"])
    with page.expect_navigation():
        page.locator("button", has_text="Check now").click()
    until(lambda: health(house, "gone") == "healthy", "gone is healthy", 90)
    page.goto(house.url("/connections/gone"))
    want("healthy" in page.locator("#state").inner_text(), page.locator("#state").inner_text())
    now = page.locator("section", has_text="Health history").last.locator("li").count()
    want(now > entries, f"the history has {now} lines, {entries} before")


def health(house, name):
    return next(one["health"] for one in house.api("/connections")["items"] if one["name"] == name)


@check("CD-2")
def what_is_to_be_pasted_names_the_bucket(house):
    page = house.page("/connections/narrow")
    text = page.locator("article.finding").first.inner_text()
    want(house.scene["aws"]["bucket"] in text, text)
    paste = page.locator("article.finding pre").first
    want(paste.count() == 1, "there is nothing to paste")
    want("s3:GetObject" in paste.inner_text(), paste.inner_text())
    want("AWS said" in text or "AccessDenied" in text or "not authorized" in text or "403" in text, text)


@check("CD-4")
def a_pause_stops_the_next_run(house):
    page = house.page("/connections/acme-payer")
    with page.expect_navigation():
        page.locator("main form button", has_text="Pause").click()
    want("paused" in page.locator("#state").inner_text(), page.locator("#state").inner_text())
    want("not before it is resumed" in page.inner_text("main"), page.inner_text("main")[:600])
    with page.expect_navigation():
        page.locator("main form button", has_text="Resume").click()
    want("paused" not in page.locator("#state").inner_text(), "it stays paused")


@check("CD-5")
def a_stored_secret_is_nowhere(house):
    secret = house.scene["aws"]["secret"]
    context = house.context()
    for name in ("narrow", "acme-payer"):
        for part in ("", "/settings", "/deliveries", "/runs", "/remove"):
            text = context.request.get(house.url(f"/connections/{name}{part}")).text()
            want(secret not in text, f"{name}{part} has the secret")
    page = house.page("/connections/narrow/settings")
    for field in page.locator("input[type=password]").all():
        same(field.input_value(), "", "a field of a secret")


@check("CD-6")
def progress_is_told_and_ends(house):
    page = house.context().new_page()
    page.clock.install()
    page.goto(house.url("/connections/globex-payer"))
    with page.expect_navigation():
        page.locator("button", has_text="Sync now").click()
    want("/runs/" in page.url, f"it leads to {page.url}")
    page.locator("#work[data-done]").wait_for(timeout=120_000)
    want(page.locator(".live").count() == 0, "it goes on asking")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    # The longest time between two looks, passed at once.
    page.clock.run_for(61_000)
    page.wait_for_timeout(200)
    want(not [url for url in asked if "fragment=" in url], f"it still asks: {asked}")
    want("healthy" in page.inner_text("main") or "done" in page.inner_text("main"), page.inner_text("main"))
    # Without script the page is whole, too.
    plain = house.page(page.url.removeprefix(house.url("")), script=False)
    want("Begun" in plain.inner_text("main"), plain.inner_text("main")[:300])
