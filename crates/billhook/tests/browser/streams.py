"""ST: sinks, towards a receiver of ours that answers as it is told to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from house import until, want, watch
from numbered import check

MARKUP = "<img src=x onerror=alert(1)>upstream unavailable"


class Receiver:
    """Takes events on a free port of this machine."""

    def __init__(self):
        self.status = 503
        self.bodies = []
        own = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if own.status < 300:
                    own.bodies.append(body)
                text = b"" if own.status < 300 else MARKUP.encode()
                self.send_response(own.status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_OPTIONS(self):
                self.send_response(405)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/events"

    def events(self):
        events = []
        for body in self.bodies:
            found = json.loads(body)
            events.extend(found if isinstance(found, list) else [found])
        return events

    def ids(self):
        return [event["id"] for event in self.events()]

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def add(house, name, url, **more):
    body = {
        "name": name,
        "settings": {"target": {"kind": "http", "url": url, "mode": "batched"}, "from": "history",
                     "connections": [house.scene["corrected"]]},
        "unverified": True,
    }
    body["settings"].update(more)
    return house.api("/sinks", "POST", body)


def view(house, name):
    return house.api(f"/sinks/{name}")


@check("ST-1", "ST-2", "ST-3", "ST-4", "ST-5")
def sinks_fail_recover_and_are_replayed(house):
    receiver, other = Receiver(), Receiver()
    other.status = 204
    try:
        add(house, "hook", receiver.url)
        add(house, "other", other.url)
        # ST-1, ST-4: what answers 503 is tried again, and its answer is text.
        until(lambda: view(house, "hook")["state"] == "retrying", "hook is retrying")
        page = house.page("/streams")
        text = page.locator("#sinks").inner_text()
        want("retrying" in text, text)
        page.goto(house.url("/streams/hook"))
        until(lambda: "503" in page.inner_text("main"), "the answer is seen", 30)
        text = page.inner_text("main")
        want("next try" in text, f"no next try: {text[:800]}")
        attempt = page.locator("#attempts details").first
        attempt.locator("summary").click()
        want("<img src=x" in attempt.inner_text(), "the answer is not shown")
        want(page.locator("main img").count() == 0 and not page.wrongs, f"{page.wrongs}")
        house.shot(page, "sink-retrying")
        # ST-3: others get theirs all the same.
        until(lambda: view(house, "other")["behind"] == 0 and other.events(), "other has everything")
        want(view(house, "other")["state"] == "ok", "other suffers")
        # ST-5: a pause keeps the place, and says what waits.
        place = view(house, "hook")["position"]
        with page.expect_navigation():
            page.locator("main form button", has_text="Pause").click()
        paused = view(house, "hook")
        want(paused["state"] == "paused" and paused["position"] == place, f"{paused}")
        want(paused["behind"] > 0, "nothing waits")
        want(str(paused["behind"]) in page.inner_text("#state").replace(",", ""), "the page does not count")
        with page.expect_navigation():
            page.locator("main form button", has_text="Resume").click()
        # ST-1: it empties after recovery.
        receiver.status = 204
        until(lambda: view(house, "hook")["behind"] == 0, "hook empties", 180)
        first = receiver.ids()
        want(first and len(set(first)) == len(first), "events came twice")
        want(sorted(first) == sorted(other.ids()), "the two got different events")
        # ST-2: the same ids again.
        receiver.bodies.clear()
        page.goto(house.url("/streams/hook/replay"))
        watch(page)
        page.fill("#from", "0")
        with page.expect_navigation():
            page.locator("button", has_text="Count").click()
        want("event" in page.locator("section.card", has_text="What would be sent").inner_text(), "no count")
        with page.expect_navigation():
            page.locator("button", has_text="Send again").click()
        until(lambda: len(receiver.ids()) >= len(first), "all are sent again", 120)
        want(sorted(set(receiver.ids())) == sorted(first), "other ids than before")
    finally:
        receiver.end()
        other.end()
