"""Ask a server for its pages, and print how long they take and how large they are.

usage: server.py URL PROCESS BILLHOOK HOME FOLDER

Time is from the request to the last byte of the answer, on a connection that is open. Bytes are those
of a first load: page, style sheet and script, packed by gzip. In the end a delivery of one line is
loaded into HOME by way of FOLDER, and each page is asked for once after it. In the beginning the server gets the time
to sum up its files. Ends with 1 when a page is
over what is asked for.
"""

import gzip
import http.client
import pathlib
import subprocess
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
RENEWED = "billhook_answers_renewed_total "
UNSUMMED = "billhook_files_without_summary "
STANDS = 10
LINE = {
    "BilledCost": "1",
    "BillingAccountId": "999988887777",
    "BillingAccountName": "News",
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeDescription": "A line that has just come",
    "ContractedCost": "1",
    "EffectiveCost": "1",
    "InvoiceIssuerName": "Amazon Web Services, Inc.",
    "ListCost": "1",
    "PricingQuantity": "1",
    "PricingUnit": "Hours",
    "ProviderName": "Amazon Web Services, Inc.",
    "PublisherName": "Amazon Web Services, Inc.",
    "ServiceCategory": "Compute",
    "ServiceName": "Amazon Elastic Compute Cloud",
}


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
        """The address that a path leads to, and milliseconds until its answer is there."""
        all_in = 0
        for _ in range(4):
            status, headers, _, took = self.get(path)
            all_in += took
            if status not in (301, 302, 303, 307):
                break
            path = headers["Location"]
        return path, all_in


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
        "/costs?period=ytd&by=ResourceId",
        "/costs?period=ytd&by=RegionId&by=tag%3Aenv&cmp=previous",
        "/costs?period=ytd&by=ServiceName&metric=EffectiveCost",
        f"/costs?from={month}-01&to={month}-03&grain=hourly",
        "/costs/values?col=ServiceName",
        "/costs/values?col=ResourceId",
        "/costs/lines",
        "/costs/lines?period=last-month&is.ServiceName=Amazon+Elastic+Compute+Cloud",
        "/costs/lines?period=ytd&is.tag%3Ateam=checkout",
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
    url, process, billhook, home, folder = sys.argv[1:]
    client = Client(url)
    failed = []
    sizes = {}
    print(f"asked for: {MOST_MS} ms (cold, and 95 of 100 warm), {MOST_BYTES} bytes, {MOST_NODES} nodes")
    summed(client)
    print(f"{'page':<62} {'cold':>7} {'median':>7} {'p95':>7} {'bytes':>8} {'nodes':>6}")
    warm = []
    for path in paths():
        path, cold = client.settle(path)
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
        wrong = max(high, cold) > MOST_MS or size > MOST_BYTES or counter.nodes > MOST_NODES
        if wrong:
            failed.append(f"{path}: {cold:.0f} ms, {high:.0f} ms, {size} bytes, {counter.nodes} nodes")
        mark = "  over" if wrong else ""
        print(
            f"{path[:62]:<62} {cold:>7.1f} {median:>7.1f} {high:>7.1f} {size:>8} {counter.nodes:>6}{mark}",
            flush=True,
        )
    crowd(url, warm, failed)
    news(client, warm, (billhook, home, folder), failed)
    print(f"peak of the server: {peak(process)} MiB")
    for line in failed:
        print(f"over: {line}")
    return 1 if failed else 0


def metric(client, name):
    """A figure of the server."""
    _, headers, body, _ = client.get("/metrics")
    lines = text(headers, body).splitlines()
    return sum(int(line.removeprefix(name)) for line in lines if line.startswith(name))


def renewed(client):
    """How many answers were made before anybody asked."""
    return metric(client, RENEWED)


def summed(client):
    """Waits until the server has summed its files up, which it does once for each."""
    begun, most, still = time.monotonic(), 0, 0
    while still < STANDS:
        time.sleep(0.5)
        left = metric(client, UNSUMMED)
        most = max(most, left)
        still = 0 if left else still + 0.5
        if time.monotonic() - begun > 900:
            break
    print(f"{most} files summed up in {time.monotonic() - begun - STANDS:.0f} s, none of which is done again")


def deliver(billhook, home, folder):
    """Loads a delivery of one line, another one each time."""
    month = time.strftime("%Y-%m", time.gmtime())
    year, number = (int(part) for part in month.split("-"))
    end = f"{year + number // 12}-{number % 12 + 1:02}"
    line = LINE | {
        "BillingPeriodStart": f"{month}-01T00:00:00Z",
        "BillingPeriodEnd": f"{end}-01T00:00:00Z",
        "ChargePeriodStart": f"{month}-01T00:00:00Z",
        "ChargePeriodEnd": f"{month}-01T01:00:00Z",
        "x_SkuDetails": str(time.time_ns()),
    }
    place = pathlib.Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    rows = [",".join(f'"{value}"' for value in part) for part in (line, line.values())]
    (place / "news.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    command = [billhook, "--home", home, "import", folder, "--as", "bench-news"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def news(client, warm, how, failed):
    """What was asked last is renewed once the lake has changed: nobody waits for it."""
    before = renewed(client)
    begun = time.monotonic()
    deliver(*how)
    known, since = before, time.monotonic()
    while known == before or time.monotonic() - since < STANDS:
        time.sleep(0.5)
        now = renewed(client)
        if now != known:
            known, since = now, time.monotonic()
        if time.monotonic() - begun > 300:
            break
    took = [(client.get(path)[3], path) for path in warm]
    slow = [f"{path}: {millis:.0f} ms after a delivery" for millis, path in took if millis > MOST_MS]
    print(
        f"after a delivery: {known - before} answers renewed in {since - begun:.0f} s; then the first "
        f"of each page: median {at([millis for millis, _ in took], 0.5):.0f} ms, the slowest "
        f"{max(took)[0]:.0f} ms ({max(took)[1]})"
    )
    failed.extend(slow)


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
