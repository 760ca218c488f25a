"""The benchmark measures what it says it does; with --full, it is run in full and its table shown.

What comes out in the quick run is only held against what no working machine could do: figures of a busy computer must not fail a test.
"""
import json
import math
import os
import subprocess
import sys

from harness import FACTOR, State, MachineTest, main

BENCH = os.environ.get("TCW_BENCH", "")
# Series and the bounds that each of their samples must keep: milliseconds, MB/s, MiB.
SERIES = {
    "fork/worker, machine waits": (1, 20000),
    "fork/worker, from nothing": (1, 30000),
    "fork/raw QEMU, waits": (1, 20000),
    "fork/raw QEMU, from nothing": (1, 20000),
    "fork/raw QEMU with our agent, waits": (1, 20000),
    "fork/virDomainCreateXML alone": (1, 20000),
    "exec/worker, /bin/true": (0.01, 5000),
    "exec/raw port, /bin/true": (0.01, 5000),
    "exec/worker, ping": (0.001, 5000),
    "exec/guest's shell, /bin/true": (0.01, 5000),
    "stream/worker, guest to host": (0.1, 100000),
    "stream/raw port, guest to host": (0.1, 100000),
    "stream/worker, host to guest": (0.1, 100000),
    "stream/raw port, host to guest": (0.1, 100000),
    "stream/worker, guest to host, 8 at once": (0.1, 100000),
    "memory/worker's QEMU": (1, 1000),
    "memory/raw QEMU with our agent": (1, 1000),
    "task/whole command": (10, 60000),
}


class Quick(MachineTest):
    def measure(self, *arguments, seconds=120):
        """Runs the benchmark; returns its table and its JSON."""
        path = self.folder / "bench.json"
        result = subprocess.run([BENCH, "--config", self.state.config, "--json", path, *arguments], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False, timeout=seconds * FACTOR)
        self.assertEqual((0, ""), (result.returncode, result.stderr), result.stdout)
        return result.stdout, json.loads(path.read_text(encoding="utf-8"))

    def test_every_figure_is_measured(self):
        table, report = self.measure("--quick")
        for name, (low, high) in SERIES.items():
            self.assertIn(name, table)
            samples = report["series"][name]["samples"]
            self.assertTrue(samples and all(low <= s <= high for s in samples), f"{name}: {samples}")
            self.assertLessEqual(report["series"][name]["p50"], report["series"][name]["p95"], name)
        self.assertGreaterEqual(len(report["figures"]), 8)
        for figure in report["figures"]:
            floor = sum(report["series"][name]["p50"] for name in figure["floors"])
            self.assertTrue(math.isclose(floor, figure["floorValue"], rel_tol=1e-6), figure)
            self.assertTrue(math.isclose(figure["oursValue"] / floor, figure["ratio"], rel_tol=1e-6), figure)
            if "target" in figure:
                better = figure["ratio"] >= figure["target"] if figure["better"] == "higher" else figure["ratio"] <= figure["target"]
                self.assertEqual(better, figure["met"], figure)
        for key in ("date", "qemu", "libvirt", "kernel", "processors", "accelerator", "loadBefore", "loadAfter"):
            self.assertTrue(report["run"][key], key)

    def test_wrong_usage(self):
        for words in ([], ["--config", self.state.config, "more"], ["--config", self.state.config, "--rounds", "0"], ["--nonsense"]):
            result = subprocess.run([BENCH, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
            self.assertEqual((2, ""), (result.returncode, result.stdout), words)
            self.assertIn("tcw-bench: ", result.stderr)


if __name__ == "__main__":
    if "--full" in sys.argv:
        state = State.shared()
        if state is None:
            sys.exit("TCW_TEST_STATE and TCW_TEST_CONFIG, which run-tests sets, name no state with the image tiny")
        os.execv(BENCH, [BENCH, "--config", str(state.config)])
    main()
