"""Run focus-validator 2.2.1 over a Parquet file and print what fails as JSON.

usage: validate_focus.py FILE.parquet

To be run by the interpreter that has focus-validator installed. Prints an object:
  rules        how many rules there are
  failed       ids of all failing rules, sorted
  messages     for each of them its violations, what the validator says, and the rule's own words
  unexpected   the failing rules that data could satisfy
Exit codes: 0 nothing unexpected, 1 unexpected failures, 3 the validator did not come to a result.

Three rules of this version cannot be satisfied, their condition being absent or inverted; with
their parents they make nine failures of any dataset. InvoiceId is a case of its own: one rule wants
it null on every row, its twin wants it on every row, so that one of the two always fails; of a file
in which only some rows have an invoice both fail, and their two parents.
"""

import json
import pathlib
import re
import subprocess
import sys

UNSATISFIABLE = {
    "CapacityReservationStatus-C-000-C",
    "CapacityReservationStatus-C-002-C",
    "CapacityReservationStatus-C-004-C",
    "CommitmentDiscountStatus-C-000-C",
    "CommitmentDiscountStatus-C-002-C",
    "CommitmentDiscountStatus-C-004-C",
    "CostAndUsage-D-000-M",
    "CostAndUsage-D-002-M",
}
INVOICE_ALL = {"InvoiceId-C-004-C"}
INVOICE_NONE = {"InvoiceId-C-005-C"}
INVOICE_SOME = INVOICE_ALL | INVOICE_NONE | {"InvoiceId-C-003-C", "InvoiceId-C-000-O"}

TOTAL = re.compile(r"^Total: (\d+) \| Pass: \d+ \| Fail: (\d+) \|", re.MULTILINE)
FAILURE = re.compile(r"^- (\S+): violations=(\S+); (.*)$")


def run(parquet):
    """What the validator prints. It opens files by relative path, so it runs in site-packages."""
    import focus_validator

    site_packages = pathlib.Path(focus_validator.__file__).resolve().parent.parent
    command = [sys.executable, "-m", "focus_validator.main", "--data-file", str(parquet)]
    command += ["--block-download", "--validate-version", "1.2.0.1"]
    command += ["--applicability-criteria", "ALL"]
    done = subprocess.run(command, cwd=site_packages, capture_output=True, encoding="utf-8")
    if done.returncode != 0 or not TOTAL.search(done.stdout):
        print(done.stdout[-2000:] + done.stderr[-4000:], file=sys.stderr)
        print("error: focus-validator did not come to a result", file=sys.stderr)
        sys.exit(3)
    return done.stdout


def failures(printed):
    """The section of failures: a line for each, and below it the rule in words."""
    section = printed.partition("\n--- Failures ---\n")[2].splitlines()
    found = {}
    for number, line in enumerate(section):
        match = FAILURE.match(line)
        if match:
            words = section[number + 1] if number + 1 < len(section) else ""
            found[match[1]] = {
                "violations": match[2],
                "message": match[3],
                "rule": words.removeprefix("  MustSatisfy: "),
            }
    return found


def expected(failed):
    """The failures that no data could avoid, given which of the three invoice cases it is."""
    invoice = INVOICE_SOME if INVOICE_SOME <= failed else INVOICE_ALL | INVOICE_NONE
    return UNSATISFIABLE | invoice


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    parquet = pathlib.Path(sys.argv[1]).resolve()
    if not parquet.is_file():
        print(f"error: not there: {parquet}", file=sys.stderr)
        sys.exit(3)
    printed = run(parquet)
    total, count = (int(figure) for figure in TOTAL.search(printed).groups())
    messages = failures(printed)
    if len(messages) != count:
        print(f"error: {count} failures, {len(messages)} of them understood", file=sys.stderr)
        sys.exit(3)
    unexpected = sorted(set(messages) - expected(set(messages)))
    result = {
        "rules": total,
        "failed": sorted(messages),
        "unexpected": unexpected,
        "messages": messages,
    }
    json.dump(result, sys.stdout, indent=1)
    print()
    sys.exit(1 if unexpected else 0)


if __name__ == "__main__":
    main()
