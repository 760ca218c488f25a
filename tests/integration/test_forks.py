"""Forks of one template are machines of their own: random numbers, names, clocks."""
import re

from harness import FACTOR, MachineTest, main, note, payload

N_FORKS = 20
# Seconds since 1970 with a fraction: busybox has no other way to say it.
CLOCK = "adjtimex | awk '/tv_sec/ { s = $2 } /tv_usec/ { printf \"clock=%d.%06d\\n\", s, $2 }'"
SCRIPT = ("echo random=$(head -c 32 /dev/urandom | sha256sum | cut -c1-64); echo uuid=$(cat /proc/sys/kernel/random/uuid);"
          " echo machine=$(cat /etc/machine-id); echo host=$(hostname); echo task=$TASK_ID; " + CLOCK)
CLOCK_LIMIT = 0.1


class Forks(MachineTest):
    def test_identities_differ(self):
        result = self.run_tasks("--concurrency", "3", *[payload(SCRIPT) for _ in range(N_FORKS)], seconds=120)
        for key, form in (("random", r"[0-9a-f]{64}"), ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
                          ("machine", r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}"), ("host", r"task-[a-z0-9-]{22}-0"),
                          ("task", r"[A-Za-z0-9_-]{22}")):
            values = re.findall(rf"(?m)^task\d+\| {key}=(.*)$", result.log())
            self.assertEqual(N_FORKS, len(values), result.show())
            self.assertEqual(N_FORKS, len(set(values)), key)
            for value in values:
                self.assertRegex(value, f"^{form}$")
        self.assertEqual(N_FORKS, result.log().count("Virtual machine forked"))
        self.assertNotIn("Preparing a template", result.log().partition("Virtual machine forked")[2])

    def test_clock(self):
        # What the guest says arrives later than it was true, so the difference is at most the clock's error. The largest of some samples
        # is next to it.
        for _ in range(3):
            worker = self.start(payload(f"for i in 1 2 3 4 5 6 7 8; do {CLOCK}; usleep 50000; done"))
            worker.finish()
            ahead = [float(match[1]) - arrived for arrived, piece in worker.pieces["out"]
                     for match in re.finditer(rb"clock=([\d.]+)", piece)]
            self.assertTrue(ahead, worker.text("out"))
            note(f"guest's clock minus host's: {max(ahead) * 1e3:.1f} ms")
            self.assertLess(abs(max(ahead)), CLOCK_LIMIT * FACTOR)


if __name__ == "__main__":
    main()
