"""`run --keep` and `exec`: a machine stays when its task has ended, and commands can be run in it."""
import hashlib
import os
import signal
import subprocess

from harness import COMPLETED, FAILED, INTERRUPTED, PROGRAM, MachineTest, main, note, payload

MB = 1 << 20


class Keep(MachineTest):
    def start_kept(self, script="true", **more):
        worker = self.start("--keep", payload(script, **more))
        match = worker.wait_for(rb"(\S+/taskcluster-worker) exec (\S+) -- ", 60, name="err")
        self.socket = match[2].decode()
        return worker

    def exec(self, *words, seconds=30, **options):
        """A command in the kept machine."""
        return subprocess.run([PROGRAM, "exec", "--config", self.state.config, self.socket, "--", *words], check=False, timeout=seconds,
                              **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options})

    def end(self, worker, status):
        worker.signal(signal.SIGINT)
        return self.finish(worker, status=status, seconds=10)

    def test_says_how_to_reach_the_machine(self):
        worker = self.start_kept("echo ran >x; exit 3")
        self.assertIn(b"The command ended with exit status 3.", worker.text("out"))
        result = self.exec("cat", "/home/task/x")
        self.assertEqual((0, b"ran\n"), (result.returncode, result.stdout), result.stderr)
        self.assertEqual(1, len(worker.machines()))
        self.end(worker, FAILED)

    def test_status_and_streams(self):
        worker = self.start_kept()
        result = self.exec("sh", "-c", "echo to-stdout; echo to-stderr >&2; exit 7")
        self.assertEqual((7, b"to-stdout\n", b"to-stderr\n"), (result.returncode, result.stdout, result.stderr))
        result = self.exec("no-such-program")
        self.assertEqual(255, result.returncode)
        self.assertIn(b"no-such-program", result.stderr)
        self.assertEqual(128 + 9, self.exec("sh", "-c", "kill -9 $$").returncode)
        self.end(worker, COMPLETED)

    def test_100_mb_through_cat(self):
        worker = self.start_kept()
        data = os.urandom(100 * MB)
        path = self.folder / "in"
        path.write_bytes(data)
        with path.open("rb") as stdin, (self.folder / "out").open("w+b") as stdout:
            result = self.exec("cat", seconds=150, stdin=stdin, stdout=stdout)
            self.assertEqual((0, b""), (result.returncode, result.stderr))
            stdout.seek(0)
            self.assertEqual(hashlib.sha256(data).hexdigest(), hashlib.sha256(stdout.read()).hexdigest())
        self.end(worker, COMPLETED)

    def test_user_and_folder(self):
        worker = self.start_kept()
        self.assertEqual(b"root\n", self.exec("id", "-un").stdout)
        self.end(worker, COMPLETED)

    def test_many_commands_one_after_the_other(self):
        worker = self.start_kept()
        for i in range(20):
            self.assertEqual(f"{i}\n".encode(), self.exec("echo", str(i)).stdout)
        self.end(worker, COMPLETED)

    def test_socket_that_is_gone(self):
        worker = self.start_kept()
        self.end(worker, COMPLETED)
        result = self.exec("true")
        self.assertEqual(255, result.returncode)
        self.assertIn(self.socket.encode(), result.stderr)

    def test_interrupt_of_the_task_itself(self):
        worker = self.start("--keep", payload("echo started; sleep 100"))
        worker.wait_for(rb"(?m)^started$")
        worker.signal(signal.SIGINT)
        worker.signal(signal.SIGINT)
        result = worker.finish(10)
        self.assertEqual(INTERRUPTED, result.status, result.show())
        self.check_gone(worker)


if __name__ == "__main__":
    main()
