"""Run a command, throw its standard output away, and print what it took as JSON integers.

usage: measure.py PROGRAM [ARGS...]
Prints {"wall_us", "cpu_us", "peak_kib"}; the command's standard error and failure are passed on.
"""

import json
import os
import sys
import time


def main():
    null = os.open(os.devnull, os.O_WRONLY)
    redirect = [(os.POSIX_SPAWN_DUP2, null, 1)]
    start = time.perf_counter_ns()
    child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=redirect)
    _, status, usage = os.wait4(child, 0)
    wall_us = (time.perf_counter_ns() - start) // 1000
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.exit(f"{sys.argv[1]} ended with {code}")
    # Linux counts the peak in KiB, macOS in bytes.
    peak_kib = usage.ru_maxrss // 1024 if sys.platform == "darwin" else usage.ru_maxrss
    cpu_us = round((usage.ru_utime + usage.ru_stime) * 1_000_000)
    print(json.dumps({"wall_us": wall_us, "cpu_us": cpu_us, "peak_kib": peak_kib}))


main()
