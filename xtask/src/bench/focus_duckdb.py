"""The DuckDB yardstick of `cargo xtask bench ingest`.

usage: focus_duckdb.py SQL OUT.parquet CHUNK.csv.gz...
Reads all chunks as text with two threads, runs the SQL over them (as the view `cur`), and writes
what it selects as zstd Parquet. A column that the SQL names and the report lacks is NULL.
"""

import csv
import gzip
import re
import sys

import duckdb


def text(value):
    return "'" + value.replace("'", "''") + "'"


def name(value):
    return '"' + value.replace('"', '""') + '"'


# Attributes of a price that FOCUS has a key for, or that set its price apart.
PRICE_DETAILS = {
    "CoreCount": "product/vcpu",
    "InstanceSeries": "product/instanceFamily",
    "InstanceType": "product/instanceType",
    "MemorySize": "product/memory",
    "OperatingSystem": "product/operatingSystem",
    "StorageClass": "product/storageClass",
    "x_DatabaseEngine": "product/databaseEngine",
    "x_DeploymentOption": "product/deploymentOption",
    "x_LicenseModel": "product/licenseModel",
    "x_Tenancy": "product/tenancy",
    "x_VolumeType": "product/volumeType",
}


def json_of(pairs):
    """SQL for a JSON object of the columns that are not empty.

    Of the ways to write it (a map, to_json of a map, this) this one is DuckDB's fastest by far.
    """
    if not pairs:
        return "NULL::VARCHAR"
    members = [text(f'"{key}":') + f" || to_json({name(column)})" for key, column in pairs]
    return "'{' || concat_ws(',', " + ", ".join(members) + ") || '}'"


def main():
    sql_path, out, chunks = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(sql_path, encoding="utf-8") as file:
        sql = file.read()
    with gzip.open(chunks[0], "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))

    used = sorted(set(re.findall(r'"(\w+/\w+)"', sql)))
    absent = [column for column in used if column not in header]
    missing = "".join(f", NULL::VARCHAR AS {name(column)}" for column in absent)
    tags = [
        (column.split("/", 1)[1].removeprefix("user:"), column)
        for column in header
        if column.startswith("resourceTags/")
    ]
    categories = [(c[len("costCategory/") :], c) for c in header if c.startswith("costCategory/")]
    details = [(key, column) for key, column in PRICE_DETAILS.items() if column in header]
    sql = sql.replace("{tags}", json_of(tags))
    sql = sql.replace("{cost_categories}", json_of(categories))
    sql = sql.replace("{sku_price_details}", json_of(details))

    db = duckdb.connect()
    db.execute("SET threads = 2")
    db.execute("SET preserve_insertion_order = false")
    files = ", ".join(text(chunk) for chunk in chunks)
    db.execute(
        f"CREATE VIEW cur AS SELECT *{missing} FROM read_csv([{files}], all_varchar = true, "
        "header = true, delim = ',', quote = '\"', escape = '\"', compression = 'gzip')"
    )
    db.execute(f"COPY ({sql}) TO {text(out)} (FORMAT parquet, COMPRESSION zstd)")


main()
