"""The numbered checks of the pages' design, in a real browser.

usage: checks.py SCENE.json [ID...]

Prints a line per check: `PASS X-1 2 s`, `FAIL X-1 why`, or `ELSEWHERE X-11 where`. What a check takes
that is done with another one, and the walk through all pages, counts for the first of them. Ends with 1 when one
fails or a number has no check. Each check is a function marked with its number; those of a theme are
in one file. `SCENE.json` is written by `tests/server/browser.rs`.
"""

import importlib
import json
import sys
import time
import traceback
from pathlib import Path

from house import House, Wrong

# How many there are of each.
NUMBERS = {
    "X": 15, "OV": 5, "CN": 5, "CD": 6, "WZ": 8, "CO": 9, "LI": 4, "HI": 4, "ST": 5, "SQ": 4,
    "SE": 5, "SI": 5, "ER": 3, "CH": 8,
}

# What needs no browser is tested in Rust, through the real binary.
ELSEWHERE = {
    "X-11": "crates/billhook/tests/server/secrets.rs",
    "SQ-1": "crates/billhook/tests/server/doors.rs",
    "SQ-4": "crates/billhook/tests/server/doors.rs",
    "SE-1": "crates/billhook/tests/server/people.rs",
    "SE-2": "crates/billhook/tests/server/people.rs; the wire: crates/wire/tests",
    "SE-3": "crates/billhook/tests/server/people.rs",
    "SE-5": "crates/billhook/tests/server/people.rs",
    "SI-2": "crates/billhook/tests/server/people.rs",
    "SI-3": "crates/billhook/tests/server/people.rs",
    "WZ-6": "crates/billhook/tests/server/browser.rs, from what the emulator was asked",
}

# In this order: the later ones change what the earlier ones look at.
THEMES = ["every", "costs", "charts", "overview", "settings", "failures", "streams", "connections", "wizard"]


def known():
    return [f"{name}-{number}" for name, most in NUMBERS.items() for number in range(1, most + 1)]


def gather():
    """All checks by number, in the order in which they run."""
    found = {}
    for theme in THEMES:
        module = importlib.import_module(theme)
        for check in vars(module).values():
            for number in getattr(check, "numbers", ()):
                if number in found:
                    raise SystemExit(f"{number} is checked twice")
                found[number] = check
    return found


def run(house, number, check):
    """Runs one check; gives why it does not hold, or nothing."""
    try:
        check(house)
    except Wrong as wrong:
        return str(wrong)
    except Exception:
        return traceback.format_exc(limit=-3).strip()
    finally:
        house.close()
    return None


def main():
    scene = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    wanted = set(sys.argv[2:])
    checks = gather()
    failed = 0
    for number in known():
        if number not in checks and number not in ELSEWHERE:
            print(f"FAIL {number} there is no check of this number", flush=True)
            failed += 1
        elif number in ELSEWHERE:
            print(f"ELSEWHERE {number} {ELSEWHERE[number]}", flush=True)
    house = House(scene)
    try:
        # One function may be several checks: it runs once, and they hold or fail together.
        done = {}
        begun = time.monotonic()
        for number, check in checks.items():
            if wanted and number not in wanted:
                continue
            since = time.monotonic()
            if check not in done:
                done[check] = run(house, number, check)
            why, took = done[check], round(time.monotonic() - since)
            if why is None:
                print(f"PASS {number} {took} s", flush=True)
            else:
                failed += 1
                print(f"FAIL {number} " + why.replace("\n", "\n     "), flush=True)
    finally:
        house.end()
    print(f"all of them: {round(time.monotonic() - begun)} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
