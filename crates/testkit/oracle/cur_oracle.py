"""Independent totals of legacy AWS Cost and Usage Reports, to the last digit.

usage: cur_oracle.py PATH...

PATH is a report file (csv, csv.gz, csv.zip, parquet) or a folder. In a folder with manifests, their
`reportKeys` say which files belong to the newest delivery of each report and month; without any,
every report file below it counts. Shares no code with Billhook: plain Python decimals.

Prints CSV, one line per line item type, usage account, day of lineItem/UsageStartDate and currency:
row count and the sums of UnblendedCost, BlendedCost, the amortized cost (the formula of AWS's
dashboards), and, where the report has net columns, NetUnblendedCost and the net amortized cost.
An empty sum means that no file has the column. An amount with more than 18 fractional digits is
rounded half-even to 18 first, as the lake can hold no more; how often is said on standard error.

Exit codes: 0 done, 3 nothing could be read, 4 damaged data.
"""

import csv
import decimal
import functools
import gzip
import io
import json
import pathlib
import re
import sys
import zipfile

decimal.getcontext().prec = 60
D = decimal.Decimal
ZERO = D(0)
LAST_DIGIT = D(1).scaleb(-18)
DISCOUNT_TYPES = {
    "Discount",
    "BundledDiscount",
    "EdpDiscount",
    "PrivateRateDiscount",
    "SppDiscount",
    "RiVolumeDiscount",
}
SUFFIXES = (".csv", ".csv.gz", ".csv.zip", ".zip", ".parquet")
rounded = 0


class Damaged(Exception):
    """Data that cannot be read; says where."""


def canonical(column):
    """lineItem/UnblendedCost and line_item_unblended_cost are the same column."""
    return re.sub(r"[^a-z0-9]", "", column.lower())


@functools.lru_cache(maxsize=1 << 20)
def exact(text):
    """The text as a decimal of 18 fractional digits, and whether it had to be rounded."""
    try:
        value = D(text.strip())
    except decimal.InvalidOperation:
        raise Damaged(f"not a number: {text!r}") from None
    if not value.is_finite():
        raise Damaged(f"not a number: {text!r}")
    if value.as_tuple().exponent >= -18:
        return value, False
    cut = value.quantize(LAST_DIGIT, rounding=decimal.ROUND_HALF_EVEN)
    return cut, cut != value


def amount(text):
    global rounded
    if not text:
        return ZERO
    value, was_rounded = exact(text)
    rounded += was_rounded
    return value


# ---- files ------------------------------------------------------------------------------------


def read_csv(stream, path):
    lines = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""), strict=True)
    try:
        header = next(lines, None)
        if header is None:
            return
        yield header
        for row in lines:
            if not row:
                continue
            if len(row) > len(header):
                raise Damaged(f"{path}:{lines.line_num}: {len(row)} fields, not {len(header)}")
            # A row may stop early: what it leaves out at its end is empty (koku's test_cur.csv).
            yield row + [""] * (len(header) - len(row))
    except (csv.Error, UnicodeDecodeError, EOFError, OSError) as error:
        raise Damaged(f"{path}: {error}") from None


def read_parquet(path):
    """Rows as text, in the way that a CSV would have them; a double as its shortest text."""
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    names = file.schema_arrow.names
    wanted = [n for n in names if canonical(n) in COLUMNS]
    yield wanted
    for batch in file.iter_batches(columns=wanted):
        for row in zip(*(column.to_pylist() for column in batch.columns)):
            yield [as_text(value) for value in row]


def as_text(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def rows_of(path):
    """The header, then every row."""
    name = path.name.lower()
    if name.endswith(".parquet"):
        yield from read_parquet(path)
    elif name.endswith(".gz"):
        with gzip.open(path, "rb") as stream:
            yield from read_csv(stream, path)
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as stream:
                    yield from read_csv(stream, f"{path}:{member}")
    else:
        with open(path, "rb") as stream:
            yield from read_csv(stream, path)


# ---- deliveries -------------------------------------------------------------------------------


def files_of(path):
    """Every report file that counts under the path."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(path)
    manifests = [m for m in map(manifest_at, sorted(path.rglob("*-Manifest.json"))) if m]
    if not manifests:
        return sorted(file for file in path.rglob("*") if is_report(file))
    newest = {}
    for manifest in manifests:
        prefix = "".join(manifest["reportKeys"][:1]).split(manifest["reportName"])[0]
        month = manifest["billingPeriod"]["start"][:6]
        key = (manifest.get("bucket", ""), prefix, manifest["reportName"], month)
        if key not in newest or manifest["newness"] > newest[key]["newness"]:
            newest[key] = manifest
    return [file for key in sorted(newest) for file in files_of_delivery(newest[key], path)]


def is_report(path):
    name = path.name.lower()
    hidden = any(part.startswith(".") for part in path.parts[-2:])
    status = "cost_and_usage_data_status" in path.parts
    return path.is_file() and name.endswith(SUFFIXES) and not hidden and not status


def manifest_at(path):
    """A delivery's manifest, or None: RedshiftManifest and the like are something else."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError):
        return None
    if not isinstance(manifest, dict) or "reportKeys" not in manifest:
        return None
    manifest["path"] = path
    # The manifest of the month is overwritten at every delivery, so it names the newest one. Among
    # those of single deliveries, the assembly id tells when it is a time, and else the file's age.
    assembly = manifest["assemblyId"]
    of_the_month = path.parent.name != assembly
    time = assembly if re.fullmatch(r"\d{8}T\d{6}Z", assembly) else ""
    manifest["newness"] = (of_the_month, time, path.stat().st_mtime_ns)
    return manifest


def files_of_delivery(manifest, root):
    files = [local_file(key, manifest["path"], root) for key in manifest["reportKeys"]]
    missing = [key for key, file in zip(manifest["reportKeys"], files) if file is None]
    if missing:
        print(f"waiting: {manifest['path']}: {len(missing)} files missing", file=sys.stderr)
        return []
    return files


def local_file(key, manifest_path, root):
    """The file of an object key: the folder may begin anywhere on the key's way, so the longest
    end of the key that exists above the manifest is it."""
    parts = [part for part in key.split("/") if part]
    folders = list(manifest_path.resolve().parents)
    top = root.resolve()
    folders = folders[: folders.index(top) + 1]
    for start in range(len(parts)):
        for folder in folders:
            file = folder.joinpath(*parts[start:])
            if file.is_file():
                return file
    return None


# ---- rows -------------------------------------------------------------------------------------

TEXT_COLUMNS = [
    "lineItem/LineItemType",
    "lineItem/UsageAccountId",
    "lineItem/UsageStartDate",
    "lineItem/CurrencyCode",
    "lineItem/ProductCode",
    "lineItem/LineItemDescription",
    "reservation/ReservationARN",
]
MONEY_COLUMNS = [
    "lineItem/UnblendedCost",
    "lineItem/BlendedCost",
    "lineItem/NetUnblendedCost",
    "reservation/EffectiveCost",
    "reservation/NetEffectiveCost",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation/UnusedRecurringFee",
    "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation/NetUnusedRecurringFee",
    "savingsPlan/SavingsPlanEffectiveCost",
    "savingsPlan/NetSavingsPlanEffectiveCost",
    "savingsPlan/TotalCommitmentToDate",
    "savingsPlan/UsedCommitment",
    "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
    "savingsPlan/NetAmortizedUpfrontCommitmentForBillingPeriod",
    "savingsPlan/RecurringCommitmentForBillingPeriod",
    "savingsPlan/NetRecurringCommitmentForBillingPeriod",
]
COLUMNS = {canonical(column): column for column in TEXT_COLUMNS + MONEY_COLUMNS}


UPFRONT_REFUND = "Refund for one-time fee for Savings Plan"


def amortized(row):
    """AWS's dashboards (Cloud Intelligence Dashboards, summary_view)."""
    kind = row["lineItem/LineItemType"]
    if kind == "SavingsPlanCoveredUsage":
        return amount(row["savingsPlan/SavingsPlanEffectiveCost"])
    if kind == "SavingsPlanRecurringFee":
        used = amount(row["savingsPlan/UsedCommitment"])
        return amount(row["savingsPlan/TotalCommitmentToDate"]) - used
    if kind == "DiscountedUsage":
        return amount(row["reservation/EffectiveCost"])
    if kind == "RIFee":
        return amount(row["reservation/UnusedAmortizedUpfrontFeeForBillingPeriod"]) + amount(
            row["reservation/UnusedRecurringFee"]
        )
    if is_counted_elsewhere(row):
        return ZERO
    return amount(row["lineItem/UnblendedCost"])


def net_amortized(row):
    """The same after enterprise discounts, which net columns contain: their own rows are 0."""

    def net(column, plain):
        return amount(row[column] or row[plain])

    kind = row["lineItem/LineItemType"]
    if kind == "SavingsPlanCoveredUsage":
        effective = "SavingsPlanEffectiveCost"
        return net(f"savingsPlan/Net{effective}", f"savingsPlan/{effective}")
    if kind == "SavingsPlanRecurringFee":
        upfront = "AmortizedUpfrontCommitmentForBillingPeriod"
        recurring = "RecurringCommitmentForBillingPeriod"
        if not row[f"savingsPlan/Net{upfront}"] and not row[f"savingsPlan/Net{recurring}"]:
            return amortized(row)
        commitment = net(f"savingsPlan/Net{upfront}", f"savingsPlan/{upfront}") + net(
            f"savingsPlan/Net{recurring}", f"savingsPlan/{recurring}"
        )
        return commitment - amount(row["savingsPlan/UsedCommitment"])
    if kind == "DiscountedUsage":
        return net("reservation/NetEffectiveCost", "reservation/EffectiveCost")
    if kind == "RIFee":
        upfront = "UnusedAmortizedUpfrontFeeForBillingPeriod"
        return net(f"reservation/Net{upfront}", f"reservation/{upfront}") + net(
            "reservation/NetUnusedRecurringFee", "reservation/UnusedRecurringFee"
        )
    if is_counted_elsewhere(row) or kind in DISCOUNT_TYPES:
        return ZERO
    return net("lineItem/NetUnblendedCost", "lineItem/UnblendedCost")


def is_counted_elsewhere(row):
    """Rows whose cost the amortization of other rows contains, or that only cancel others."""
    kind = row["lineItem/LineItemType"]
    if kind in ("SavingsPlanNegation", "SavingsPlanUpfrontFee"):
        return True
    if kind == "Fee":
        return row["reservation/ReservationARN"] != ""
    return (
        kind == "Refund"
        and row["lineItem/ProductCode"] == "ComputeSavingsPlans"
        and row["lineItem/LineItemDescription"].startswith(UPFRONT_REFUND)
    )


def day_of(text, where):
    if not text:
        return ""
    match = re.match(r"(\d{4}-\d{2}-\d{2})([T ]|$)", text)
    if not match:
        raise Damaged(f"{where}: not a date: {text!r}")
    return match.group(1)


class Group:
    """Sums of one group; None where no file has the column."""

    def __init__(self):
        self.rows = 0
        self.sums = {}

    def add(self, name, value):
        self.sums[name] = self.sums.get(name, ZERO) + value


SUMS = ["UnblendedCost", "BlendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost"]


def add_file(path, groups):
    rows = rows_of(path)
    header = next(rows, None)
    if header is None:
        return
    places = {}
    for place, column in enumerate(header):
        key = COLUMNS.get(canonical(column))
        if key and key not in places:
            places[key] = place
    if "lineItem/UnblendedCost" not in places:
        raise Damaged(f"{path}: no column lineItem/UnblendedCost: not a Cost and Usage Report")
    has_net = "lineItem/NetUnblendedCost" in places
    row = dict.fromkeys(TEXT_COLUMNS + MONEY_COLUMNS, "")
    for number, fields in enumerate(rows, 1):
        for column, place in places.items():
            row[column] = fields[place]
        where = f"{path}: row {number}"
        key = (
            row["lineItem/LineItemType"],
            row["lineItem/UsageAccountId"],
            day_of(row["lineItem/UsageStartDate"], where),
            row["lineItem/CurrencyCode"],
        )
        group = groups.setdefault(key, Group())
        try:
            add_row(row, group, "lineItem/BlendedCost" in places, has_net)
        except Damaged as error:
            raise Damaged(f"{where}: {error}") from None


def add_row(row, group, has_blended, has_net):
    group.rows += 1
    group.add("UnblendedCost", amount(row["lineItem/UnblendedCost"]))
    group.add("AmortizedCost", amortized(row))
    if has_blended:
        group.add("BlendedCost", amount(row["lineItem/BlendedCost"]))
    if has_net:
        group.add("NetUnblendedCost", amount(row["lineItem/NetUnblendedCost"]))
        group.add("NetAmortizedCost", net_amortized(row))


def plain(value):
    """Without exponent, needless zeros, or a negative zero."""
    if value is None:
        return ""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def main():
    csv.field_size_limit(1 << 30)
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    groups = {}
    try:
        files = [file for path in sys.argv[1:] for file in files_of(pathlib.Path(path))]
        for file in files:
            add_file(file, groups)
    except FileNotFoundError as error:
        print(f"error: not there: {error}", file=sys.stderr)
        sys.exit(3)
    except Damaged as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(4)
    how = f"{rounded} readings of an amount rounded to 18 digits"
    print(f"read {len(files)} files; {how}", file=sys.stderr)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["LineItemType", "UsageAccountId", "Day", "CurrencyCode", "Rows", *SUMS])
    for key in sorted(groups):
        group = groups[key]
        out.writerow([*key, group.rows, *(plain(group.sums.get(name)) for name in SUMS)])
    if not files:
        sys.exit(3)


if __name__ == "__main__":
    main()
