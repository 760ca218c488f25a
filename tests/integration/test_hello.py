"""The first thing that anybody does: examples/hello.json, what it shows, and how long the second run takes."""
import statistics

from harness import COMPLETED, FACTOR, MESSAGE, SOURCE, MachineTest, main, note

HELLO = SOURCE / "examples" / "hello.json"
# Nothing that makes the worker slower than it is for a user.
ORDINARY = {"MALLOC_PERTURB_": "", "G_SLICE": "", "G_DEBUG": ""}


class Hello(MachineTest):
    def test_log_and_nothing_else(self):
        result = self.run_tasks(HELLO)
        lines = result.out.splitlines()
        self.assertTrue(result.out.endswith(b"\n"), result.show())
        self.assertRegex(lines[-3].decode(), r"^Hello from task-[a-z0-9-]+-0, a machine of its own with Linux \d", result.show())
        for line in lines[:-3] + lines[-2:]:
            self.assertRegex(line, MESSAGE, result.show())
        self.assertNotIn("Hello", result.err)
        self.assertNotIn("[taskcluster", result.err)

    def test_first_lines_say_what_runs(self):
        messages = self.run_tasks(HELLO).messages()
        text = "\n".join(messages)
        self.assertRegex(text, r"(?m)^Image tiny \(sha256:[0-9a-f]{12}\), 256 MiB, 1 CPU, (tcg|kvm)\.$")
        self.assertRegex(text, r"(?m)^Virtual machine forked: process \d+ ms, state \d+ ms, agent \d+ ms, identity \d+ ms\.$")
        self.assertEqual("The command ended with exit status 0.", messages[-2])
        self.assertRegex(messages[-1], r"^Task completed after \d+\.\d s\.$")

    def test_second_run_is_quick(self):
        self.run_tasks(HELLO)
        times = []
        for _ in range(3):
            worker = self.start(HELLO, environment=ORDINARY)
            times.append(self.finish(worker, status=COMPLETED).seconds)
        note("wall time of the task, all included: " + ", ".join(f"{t:.2f} s" for t in times))
        self.assertLess(statistics.median(times), 1.5 * FACTOR)

    def test_every_example_of_tiny_does_what_its_name_says(self):
        expected = {"failing.json": 1}
        artifacts = self.folder / "artifacts"
        for path in sorted((SOURCE / "examples").iterdir()):
            if path.suffix not in (".json", ".yml") or "debian-12" in path.read_text(encoding="utf-8"):
                continue
            with self.subTest(path.name):
                self.run_tasks("--artifacts", artifacts, path, status=expected.get(path.name, COMPLETED))
        self.assertTrue((artifacts / "public" / "report.txt").exists())


if __name__ == "__main__":
    main()
