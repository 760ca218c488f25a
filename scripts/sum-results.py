"""Adds up what meson's test runs said, for run-tests.

    sum-results.py FOLDER

FOLDER has for each run NAME.status (meson's exit status), NAME.json and NAME.junit.xml, and `machines`, a line for each virtual machine
that outlived the tests. Counted are TAP subtests where a test program prints them, otherwise programs; what runs in two builds counts
twice. Prints what failed and what was skipped and why, then "N passed, N failed, N skipped". Status 1: something failed, or nothing ran.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

GOOD = {"OK", "EXPECTEDFAIL"}
SUBTEST = re.compile(r"^(?P<verdict>ok|not ok)\b\s*(?P<nr>\d*)\s*(?:- )?(?P<name>.*?)(?:\s+#\s*(?P<skip>SKIP)\S*\s*(?P<why>.*))?$", re.I)


class Sum:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add_subtests(self, test, label):
        """Counts the TAP lines of a program; False when it prints none. What meson itself objects to is the caller's."""
        found = False
        for line in (test.get("stdout") or "").splitlines():
            match = SUBTEST.match(line)
            if match is None:
                continue
            found = True
            name = f"{label}: {match['name'] or match['nr']}"
            if match["skip"]:
                self.skipped.append(f"{name}: {match['why'] or 'no reason given'}")
            elif match["verdict"] == "ok":
                self.passed += 1
            else:
                self.failed.append(name)
        return found

    def add_program(self, test, label, is_tap):
        failures = len(self.failed)
        if is_tap and self.add_subtests(test, label):
            if test["result"] not in GOOD | {"SKIP"} and len(self.failed) == failures:
                self.failed.append(f"{label}: {test['result']}, exit status {test['returncode']}")
        elif test["result"] in GOOD:
            self.passed += 1
        elif test["result"] == "SKIP":
            self.skipped.append(f"{label}: {skip_reason(test)}")
        else:
            self.failed.append(f"{label}: {test['result']}, exit status {test['returncode']}")


def skip_reason(test):
    lines = [line for line in ((test.get("stderr") or "") + (test.get("stdout") or "")).splitlines() if line.strip()]
    match = re.match(r"1\.\.0\s*#\s*SKIP\S*\s*(.*)", lines[-1], re.I) if lines else None
    if match:
        return match[1] or "no reason given"
    return lines[-1] if lines else "no reason given"


def tap_programs(path):
    """Names of the programs whose subtests meson has understood."""
    if not path.exists():
        return set()
    # meson copies a test's output as it is, with bytes that XML doesn't have.
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "?", path.read_text(encoding="utf-8", errors="replace"))
    names = {suite.get("name", "") for suite in xml.etree.ElementTree.fromstring(text).iter("testsuite")}
    return {short_name(name) for name in names}


def short_name(name):
    """meson says "PROJECT:SUITE / NAME", with another "PROJECT." before it in the JUnit file, or only "PROJECT.NAME"."""
    return re.split(r" / |\.", name)[-1]


def main():
    folder, total = pathlib.Path(sys.argv[1]), Sum()
    for status in sorted(folder.glob("*.status")):
        run = status.stem
        taps = tap_programs(folder / f"{run}.junit.xml")
        log = folder / f"{run}.json"
        failures = len(total.failed)
        for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
            test = json.loads(line)
            name = short_name(test["name"])
            total.add_program(test, f"[{run}] {name}", name in taps)
        if status.read_text(encoding="utf-8").strip() != "0" and len(total.failed) == failures:
            total.failed.append(f"[{run}] meson test ended with exit status {status.read_text(encoding='utf-8').strip()}")
    machines = folder / "machines"
    if machines.exists():
        total.failed += [f"a virtual machine outlived the tests: {line}" for line in machines.read_text(encoding="utf-8").splitlines()]
    for title, items in (("Skipped", total.skipped), ("Failed", total.failed)):
        if items:
            print(f"\n{title}:\n" + "\n".join(f"  {item}" for item in items))
    if total.passed + len(total.failed) + len(total.skipped) == 0:
        print("\nNo test ran.")
    print("\nCounted: subtests where a program has them, otherwise programs; what runs in both builds counts twice.")
    print(f"{total.passed} passed, {len(total.failed)} failed, {len(total.skipped)} skipped")
    sys.exit(1 if total.failed or total.passed == 0 else 0)


if __name__ == "__main__":
    main()
