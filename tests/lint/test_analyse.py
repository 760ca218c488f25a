"""analyse.py: each tool finds a planted bug, passes a clean file, and remembers it until something that matters has changed."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import tap

LINT = pathlib.Path(__file__).resolve().parent
CLEAN = '#include "a.h"\nint tcw_clean (int a);\nint\ntcw_clean (int a)\n{\n  return a + OFFSET;\n}\n'
LEAK = ("#include <stdlib.h>\nint tcw_leak (int a);\nint\ntcw_leak (int a)\n{\n  char *p = malloc (10);\n  if (p == NULL)\n    return 0;\n"
        "  p[0] = (char) a;\n  if (a > 3)\n    return 1;\n  free (p);\n  return 0;\n}\n")
DIVISION = "int tcw_divide (int a);\nint\ntcw_divide (int a)\n{\n  if (a == 0)\n    return 10 / a;\n  return 1;\n}\n"


class AnalyseTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(os.path.realpath(folder.name)) / "tree"
        self.build = self.root / "build"
        (self.root / "src" / "wire").mkdir(parents=True)
        self.build.mkdir()
        shutil.copy(LINT.parent.parent / ".clang-tidy", self.root)
        self.write("a.h", "#pragma once\n#define OFFSET 1\n")

    def write(self, name, text):
        (self.root / "src" / "wire" / name).write_text(text, encoding="utf-8")

    def analyse(self, tool, *names, folders=()):
        if shutil.which("gcc" if tool == "gcc-analyzer" else tool) is None:
            self.skipTest(f"{tool} is not installed")
        entries = [{"directory": str(self.build), "file": f"../src/wire/{name}",
                    "command": f"cc -Wall -fzero-call-used-regs=used-gpr -MD -MQ x.o -MF x.d -o x.o -c ../src/wire/{name}"}
                   for name in names]
        (self.build / "compile_commands.json").write_text(json.dumps(entries), encoding="utf-8")
        return subprocess.run([sys.executable, LINT / "analyse.py", tool, self.root, self.build, *folders], capture_output=True, text=True,
                              check=False)

    def check_tool(self, tool, bad, word):
        self.write("good.c", CLEAN)
        self.write("bad.c", bad)
        result = self.analyse(tool, "good.c", "bad.c")
        self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        self.assertIn("== src/wire/bad.c", result.stdout)
        self.assertNotIn("== src/wire/good.c", result.stdout)
        self.assertIn(word, result.stdout.lower())
        again = self.analyse(tool, "good.c", "bad.c")
        self.assertEqual(1, again.returncode, "what failed is not remembered as good")
        self.assertIn("(1 unchanged)", again.stdout)
        self.write("a.h", "#pragma once\n#define OFFSET 2\n")
        self.assertIn("(0 unchanged)", self.analyse(tool, "good.c").stdout, "a header changed")
        self.assertIn("(1 unchanged)", self.analyse(tool, "good.c").stdout)

    def test_cppcheck(self):
        self.check_tool("cppcheck", LEAK, "leak")

    def test_clang_tidy(self):
        self.check_tool("clang-tidy", DIVISION, "division by zero")

    def test_gcc_analyzer(self):
        self.check_tool("gcc-analyzer", LEAK, "leak")

    def test_file_that_does_not_compile(self):
        self.write("bad.c", "int x = ;\n")
        self.assertEqual(1, self.analyse("gcc-analyzer", "bad.c").returncode)

    def test_nothing_to_check_is_a_failure(self):
        self.assertEqual(1, self.analyse("cppcheck").returncode)
        self.write("good.c", CLEAN)
        self.assertEqual(1, self.analyse("cppcheck", "good.c", folders=["guest-agent"]).returncode)
        self.assertEqual(0, self.analyse("cppcheck", "good.c", folders=["src/wire"]).returncode)


if __name__ == "__main__":
    tap.main()
