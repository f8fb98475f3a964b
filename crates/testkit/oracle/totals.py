"""Independent totals of billing files, to the last digit.

usage: totals.py KIND FILE...

KIND is cur, cur2, focus or dbr; a FILE is text (plain, gzip or zip) or Parquet. Shares no code with
Billhook: plain Python decimals; a double counts as the shortest decimal text that means it.

Prints CSV without a header, a line per class (line item type or charge category), account and day:
the three, the number of lines, and the sum of each amount of the kind. An amount that no line has
sums up to 0.
"""

import csv
import decimal
import gzip
import io
import pathlib
import re
import sys
import zipfile

decimal.getcontext().prec = 60
D = decimal.Decimal

# Class, account, day, and the amounts.
COLUMNS = {
    "cur": (
        "lineItem/LineItemType",
        "lineItem/UsageAccountId",
        "lineItem/UsageStartDate",
        ["lineItem/UnblendedCost", "lineItem/BlendedCost"],
    ),
    "cur2": (
        "line_item_line_item_type",
        "line_item_usage_account_id",
        "line_item_usage_start_date",
        ["line_item_unblended_cost", "line_item_blended_cost"],
    ),
    "focus": (
        "ChargeCategory",
        "SubAccountId",
        "ChargePeriodStart",
        ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"],
    ),
    "dbr": (None, "LinkedAccountId", "UsageStartDate", ["UnBlendedCost", "BlendedCost"]),
}
DBR_TOTALS = {"InvoiceTotal", "StatementTotal", "AccountTotal", "CBRounding"}


def text_of(path):
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            (name,) = archive.namelist()
            data = archive.read(name)
    return data.decode("utf-8-sig")


def rows_of(path):
    if path.read_bytes()[:4] == b"PAR1":
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path)
        yield from table.to_pylist()
        return
    records = csv.reader(io.StringIO(text_of(path), newline=""))
    header = next(records)
    if len(header) == 1:
        header = next(records)
    for record in records:
        yield dict(zip(header, record, strict=True))


def amount(value):
    if value is None or value == "":
        return D(0)
    return D(repr(value)) if isinstance(value, float) else D(value)


def day_of(value, path):
    if value is None or value == "":
        return re.search(r"(\d{4}-\d{2})[^/]*$", str(path)).group(1) + "-01"
    return str(value)[:10]


def main():
    kind, *paths = sys.argv[1:]
    of_class, of_account, of_day, of_amounts = COLUMNS[kind]
    totals = {}
    for path in map(pathlib.Path, paths):
        for row in rows_of(path):
            if kind == "dbr" and row["RecordType"] in DBR_TOTALS:
                continue
            account = row[of_account] or row.get("PayerAccountId")
            key = (row[of_class] if of_class else "", account, day_of(row[of_day], path))
            sums = totals.setdefault(key, [0] + [D(0)] * len(of_amounts))
            sums[0] += 1
            for index, name in enumerate(of_amounts, 1):
                sums[index] += amount(row.get(name))
    out = csv.writer(sys.stdout, lineterminator="\n")
    for key in sorted(totals):
        count, *sums = totals[key]
        texts = [format(total.normalize(), "f") if total else "0" for total in sums]
        out.writerow([*key, count, *texts])


if __name__ == "__main__":
    main()
