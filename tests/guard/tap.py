"""Runs the unittest cases of a Python test and prints their results as TAP, so that each case is counted."""
import sys
import unittest


class TapResult(unittest.TestResult):
    """Prints a line for each case, and the trace of a failure as diagnostics."""

    def __init__(self):
        super().__init__()
        self._failed_case = None

    def _line(self, ok, test, note=""):
        print(f"{'ok' if ok else 'not ok'} {self.testsRun} {test.id().split('.', 1)[-1]}{note}", flush=True)

    def _failed(self, test, err):
        self._line(False, test)
        for line in self._exc_info_to_string(err, test).splitlines():
            print(f"# {line}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, err)

    def addSubTest(self, test, subtest, err):
        """A case whose part failed has failed; its own line is printed at the first such part."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            if self._failed_case is not test:
                self._line(False, test)
                self._failed_case = test
            print(f"# {subtest}", flush=True)
            for line in self._exc_info_to_string(err, subtest).splitlines():
                print(f"# {line}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line(True, test, f" # SKIP {reason}")


def main(module="__main__"):
    """Runs all cases of `module`; ends the process with status 1 if one failed or there was none."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
