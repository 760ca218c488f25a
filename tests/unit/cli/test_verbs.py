"""The verbs that need no machine, as a user calls them: help, version, schema, validate."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import tap

PROGRAM = os.environ["TCW_PROGRAM"]
EXAMPLES = pathlib.Path(os.environ["TCW_SOURCE"]) / "examples"


class Verbs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def call(self, *words):
        return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60, check=False)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def assert_call(self, status, stderr, *words):
        result = self.call(*words)
        self.assertEqual((status, stderr), (result.returncode, result.stderr))
        return result.stdout

    def test_help_and_version(self):
        self.assertIn("run task definitions", self.assert_call(0, "", "--help"))
        self.assertRegex(self.assert_call(0, "", "--version"), r"^taskcluster-worker \d+\.\d+\.\d+\n$")
        for verb in "run", "exec", "validate", "schema", "image":
            self.assertIn(f"taskcluster-worker {verb}", self.assert_call(0, "", verb, "--help"))

    def test_unknown_verb(self):
        self.assert_call(2, "taskcluster-worker: there is no verb “wrok”; `taskcluster-worker --help` lists them\n", "wrok")
        self.assertEqual(2, self.call().returncode)

    def test_closed_streams_are_nobody_else(self):
        for fd in (0, 1):
            result = subprocess.run([PROGRAM, "validate", f"/proc/self/fd/{fd}"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                    text=True, timeout=60, check=False, preexec_fn=lambda closed=fd: os.close(closed))
            self.assertIn(f"“/proc/self/fd/{fd}”: it is not a regular file", result.stderr)

    def test_schemas(self):
        payload = json.loads(self.assert_call(0, "", "schema", "payload"))
        self.assertEqual(["command", "image"], sorted(payload["required"]))
        self.assertIn("artifacts", payload["properties"])
        config = json.loads(self.assert_call(0, "", "schema", "config"))
        self.assertIn("accelerator", config["properties"]["engines"]["properties"]["qemu"]["properties"])
        self.assertEqual(2, self.call("schema", "nothing").returncode)

    def test_examples_are_valid(self):
        examples = [path for path in sorted(EXAMPLES.iterdir()) if path.suffix in (".json", ".yml")]
        self.assertGreater(len(examples), 3)
        for path in examples:
            self.assert_call(0, "", "validate", path)

    def test_bad_task(self):
        path = self.file("task.json", '{"payload": {"image": "tiny", "comand": ["true"], "maxRunTime": "soon"}}')
        lines = self.call("validate", path).stderr.splitlines()
        self.assertEqual(3, self.call("validate", path).returncode)
        for part in (
            "task.payload.command: must be given (the program to run and its arguments)",
            "task.payload.comand: is not a known key",
            "task.payload.maxRunTime: “soon” is not a duration",
        ):
            self.assertTrue(any(part in line for line in lines), (part, lines))

    def test_configuration(self):
        good = self.file("good.yml", "stateDirectory: /var/lib/x\nengines:\n  qemu:\n    accelerator: tcg\n")
        self.assert_call(0, "", "validate", good)
        bad = self.file("bad.yml", "engines:\n  qemu:\n    acelerator: tcg\nconcurrency: 0\n")
        result = self.call("validate", bad)
        self.assertEqual(3, result.returncode)
        self.assertIn("engines.qemu.acelerator: is not a known key", result.stderr)
        self.assertIn("concurrency: must be at least 1, is 0", result.stderr)
        late = self.file("late.yml", "engines:\n  qemu:\n    timeouts:\n      boot: soon\n")
        result = self.call("validate", late)
        self.assertEqual(3, result.returncode)
        self.assertIn("engines.qemu.timeouts.boot", result.stderr)

    def test_any_schema(self):
        schema = self.file("schema.json", '{"type": "integer", "minimum": 3}')
        four, two = self.file("four.json", "4"), self.file("two.json", "2")
        self.assert_call(0, "", "validate", "--schema", schema, four)
        self.assert_call(3, f"taskcluster-worker validate: {two}: must be at least 3, is 2\n", "validate", "--schema", schema, two)
        unknown = self.file("unknown.json", '{"minimun": 3}')
        self.assertEqual(2, self.call("validate", "--schema", unknown, four).returncode)
        broken = self.file("broken.json", '{"minimum": }')
        self.assertEqual(2, self.call("validate", "--schema", broken, four).returncode)
        self.assertEqual(2, self.call("validate", "--schema", schema, self.folder / "missing.json").returncode)


if __name__ == "__main__":
    tap.main()
