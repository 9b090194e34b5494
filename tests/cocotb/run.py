"""Compiles the Verilog with Icarus and runs the tests; one line per test, exit code 1 if one fails."""

import argparse
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from cocotb_tools.runner import get_runner

HERE = Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verilog", type=Path, required=True)
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    runner = get_runner("icarus")
    runner.build(
        sources=[arguments.verilog.resolve()],
        hdl_toplevel="cbp_accelerator",
        build_args=["-g2005"],
        build_dir=arguments.work,
        timescale=("1ns", "1ps"),
        always=True,
        log_file=arguments.work / "build.log",
    )
    results = runner.test(
        test_module="test_accelerator",
        hdl_toplevel="cbp_accelerator",
        build_dir=arguments.work,
        test_dir=HERE,
        results_xml=str((arguments.work / "results.xml").resolve()),
        log_file=arguments.work / "test.log",
        extra_env={"CBP_JOB": str(arguments.job.resolve()), "CBP_SEED": str(arguments.seed)},
    )
    cases = ElementTree.parse(results).getroot().iter("testcase")
    failed = total = 0
    for case in cases:
        total += 1
        bad = [child for child in case if child.tag in ("failure", "error")]
        failed += bool(bad)
        print(f"{'FAILED' if bad else 'passed'}  {case.get('name')} ({float(case.get('time')):.1f} s)")
        for child in bad:
            print(f"        {child.get('error_msg') or child.get('message') or child.text}")
    print(f"cocotb: {total - failed} passed, {failed} failed, seed {arguments.seed}, {time.monotonic() - started:.0f} s")
    if total == 0:
        print("cocotb: no test was run", file=sys.stderr)
    return 1 if failed or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
