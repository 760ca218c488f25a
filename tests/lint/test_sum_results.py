"""scripts/sum-results.py, on logs as meson writes them: everything that went wrong is counted, and nothing at all is a failure."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tap

SCRIPT = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "sum-results.py"
PROJECT = "taskcluster-worker"


class SumTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def add_run(self, name, *tests, status=0, taps=()):
        (self.folder / f"{name}.status").write_text(f"{status}\n", encoding="utf-8")
        lines = [json.dumps({"name": f"{PROJECT}:unit / {t[0]}", "result": t[1], "returncode": t[2], "stdout": t[3]}) for t in tests]
        (self.folder / f"{name}.json").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        suites = "".join(f'<testsuite name="{PROJECT}.{PROJECT}:unit / {tap_name}"/>' for tap_name in taps)
        (self.folder / f"{name}.junit.xml").write_text(f"<testsuites>{suites}</testsuites>", encoding="utf-8")

    def sum(self):
        result = subprocess.run([sys.executable, SCRIPT, self.folder], capture_output=True, text=True, check=False)
        self.assertEqual("", result.stderr)
        return result.returncode, result.stdout, result.stdout.splitlines()[-1]

    def test_programs_and_subtests(self):
        self.add_run("plain", ("a", "OK", 0, "1..2\nok 1 /x\nok 2 /y\n"), ("b", "OK", 0, "ok I say\n"), taps=["a"])
        self.assertEqual((0, "3 passed, 0 failed, 0 skipped"), self.sum()[::2])

    def test_failed_subtest_counts_once(self):
        self.add_run("plain", ("a", "FAIL", 1, "1..2\nok 1 /x\nnot ok 2 /y\n"), status=1, taps=["a"])
        code, text, last = self.sum()
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, last))
        self.assertIn("[plain] a: /y", text)

    def test_program_that_fails_after_good_subtests(self):
        self.add_run("plain", ("a", "ERROR", 99, "1..1\nok 1 /x\n"), status=1, taps=["a"])
        code, text, last = self.sum()
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, last))
        self.assertIn("[plain] a: ERROR, exit status 99", text)

    def test_skips_give_their_reason(self):
        self.add_run("plain", ("a", "OK", 0, "1..1\nok 1 /x # SKIP no kvm\n"), ("b", "SKIP", 77, "tool is not installed\n"),
                     ("c", "SKIP", 0, "1..0 # SKIP no image\n"), ("d", "OK", 0, ""), taps=["a"])
        code, text, last = self.sum()
        self.assertEqual((0, "1 passed, 0 failed, 3 skipped"), (code, last))
        for reason in ("a: /x: no kvm", "b: tool is not installed", "c: no image"):
            self.assertIn(reason, text)

    def test_both_builds_count(self):
        self.add_run("plain", ("a", "OK", 0, ""))
        self.add_run("sanitizers", ("a", "TIMEOUT", -15, ""), status=1)
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), self.sum()[::2])

    def test_nothing_ran(self):
        self.add_run("plain")
        self.assertEqual((1, "0 passed, 0 failed, 0 skipped"), self.sum()[::2])

    def test_only_skips(self):
        self.add_run("plain", ("a", "SKIP", 77, ""))
        self.assertEqual((1, "0 passed, 0 failed, 1 skipped"), self.sum()[::2])

    def test_meson_itself_failed(self):
        self.add_run("plain", ("a", "OK", 0, ""))
        (self.folder / "sanitizers.status").write_text("2\n", encoding="utf-8")
        code, text, last = self.sum()
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, last))
        self.assertIn("[sanitizers] meson test ended with exit status 2", text)

    def test_machine_left(self):
        self.add_run("plain", ("a", "OK", 0, ""))
        (self.folder / "machines").write_text("process 12: qemu-system-x86_64 -name a\n", encoding="utf-8")
        code, text, last = self.sum()
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), (code, last))
        self.assertIn("process 12: qemu-system-x86_64", text)


if __name__ == "__main__":
    tap.main()
