"""Ask a server for its pages, and print how long they take and how large they are.

usage: server.py URL PROCESS

Time is from the request to the last byte of the answer, on a connection that is open. Bytes are those
of a first load: page, style sheet and script, packed by gzip. Ends with 1 when a page is over what is
asked for.
"""

import gzip
import http.client
import sys
import threading
import time
from html.parser import HTMLParser
from urllib.parse import urlsplit

MOST_MS = 150
MOST_BYTES = 150_000
MOST_NODES = 1_500
WARM = 20
CLIENTS = 200


class Counter(HTMLParser):
    """Counts elements, and names what a page loads."""

    def __init__(self):
        super().__init__()
        self.nodes = 0
        self.loads = set()

    def handle_starttag(self, tag, attributes):
        self.nodes += 1
        given = dict(attributes)
        if tag == "script" and given.get("src"):
            self.loads.add(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "icon"):
            self.loads.add(given["href"])

    handle_startendtag = handle_starttag


class Client:
    def __init__(self, url):
        self.address = urlsplit(url).netloc
        self.connection = None

    def get(self, path):
        """Status, headers, body as sent, and milliseconds."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, timeout=120)
            self.connection.connect()
        begun = time.perf_counter()
        self.connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = self.connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - begun) * 1000
        return answer.status, answer.headers, body, took

    def settle(self, path):
        """The address that a path leads to."""
        for _ in range(4):
            status, headers, _, _ = self.get(path)
            if status not in (301, 302, 303, 307):
                break
            path = headers["Location"]
        return path


def text(headers, body):
    plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
    return plain.decode("utf-8", "replace")


def at(values, part):
    """The value below which so much of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def peak(process):
    """Largest resident size, MiB."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    except (OSError, StopIteration):
        return 0


def paths():
    month = time.strftime("%Y-%m", time.gmtime())
    return [
        "/",
        "/costs",
        "/costs?by=SubAccountId&by=ServiceName&cmp=previous",
        "/costs?period=last-month&by=ResourceId",
        "/costs?period=last-month&by=tag%3Ateam&is.ChargeCategory=Usage",
        "/costs?period=ytd&by=ServiceName&metric=EffectiveCost",
        f"/costs?from={month}-01&to={month}-03&grain=hourly",
        "/costs/values?col=ServiceName",
        "/costs/values?col=ResourceId",
        "/costs/lines",
        "/costs/lines?period=last-month&is.ServiceName=Amazon+Elastic+Compute+Cloud",
        "/costs/saved",
        "/history",
        f"/history/acme-hourly/{month}",
        "/connections",
        "/connections/new",
        "/streams",
        "/sql",
        "/settings/users",
        "/settings/tokens",
        "/settings/authority",
        "/settings/audit",
        "/settings/instance",
        "/help/metrics",
        "/help/findings",
        "/api/v1/overview",
        "/api/v1/costs",
        "/api/v1/history",
    ]


def main():
    url, process = sys.argv[1:]
    client = Client(url)
    failed = []
    sizes = {}
    print(f"asked for: {MOST_MS} ms (95 of 100, warm), {MOST_BYTES} bytes, {MOST_NODES} nodes")
    print(f"{'page':<62} {'cold':>7} {'median':>7} {'p95':>7} {'bytes':>8} {'nodes':>6}")
    warm = []
    for path in paths():
        begun = client.get(path)
        cold = begun[3]
        path = client.settle(path)
        status, headers, body, _ = client.get(path)
        if status != 200:
            failed.append(f"{path}: {status}")
            print(f"{path:<62} {status}")
            continue
        took = [client.get(path)[3] for _ in range(WARM)]
        counter = Counter()
        size = len(body)
        if headers.get_content_type() == "text/html":
            counter.feed(text(headers, body))
            for load in counter.loads:
                if load not in sizes:
                    sizes[load] = len(client.get(load)[2])
                size += sizes[load]
        warm.append(path)
        median, high = at(took, 0.5), at(took, 0.94)
        wrong = high > MOST_MS or size > MOST_BYTES or counter.nodes > MOST_NODES
        if wrong:
            failed.append(f"{path}: {high:.0f} ms, {size} bytes, {counter.nodes} nodes")
        mark = "  over" if wrong else ""
        print(
            f"{path[:62]:<62} {cold:>7.1f} {median:>7.1f} {high:>7.1f} {size:>8} {counter.nodes:>6}{mark}",
            flush=True,
        )
    crowd(url, warm, failed)
    print(f"peak of the server: {peak(process)} MiB")
    for line in failed:
        print(f"over: {line}")
    return 1 if failed else 0


def crowd(url, warm, failed):
    """All at once, each its own connection and another page."""
    took, wrong = [], []
    ready = threading.Barrier(CLIENTS)

    def one(number):
        client = Client(url)
        path = warm[number % len(warm)]
        try:
            ready.wait()
            status, _, _, millis = client.get(path)
            took.append(millis)
            if status != 200:
                wrong.append(f"{path}: {status}")
        except (OSError, http.client.HTTPException) as error:
            wrong.append(f"{path}: {error}")

    begun = time.perf_counter()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    all_in = time.perf_counter() - begun
    if took:
        print(
            f"{CLIENTS} clients at once: all answered in {all_in:.1f} s; median {at(took, 0.5):.0f} ms, "
            f"p95 {at(took, 0.94):.0f} ms, the last {max(took):.0f} ms"
        )
    if wrong:
        failed.append(f"{len(wrong)} of {CLIENTS} clients were not answered: {wrong[:3]}")


sys.exit(main())
