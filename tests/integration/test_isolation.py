"""What runs is confined, and whatever ends in whatever way, nothing is left of it."""
import os
import pathlib
import re
import signal
import time

from harness import (COMPLETED, EXCEPTION, FACTOR, INTERRUPTED, IS_ROOT, MachineTest, State, command_line, main, note, payload, status_of,
                     wait_until)

SLEEPER = payload("echo started; sleep 100")
STARTED = rb"(?m)^started$"


class Isolation(MachineTest):
    def setUp(self):
        super().setUp()
        self.state = State.own(self.folder, State.shared())

    def check_nothing_left(self):
        self.assertEqual([], self.state.leftovers())

    def start_sleeper(self, *more):
        worker = self.start(SLEEPER, *more)
        worker.wait_for(STARTED, 60)
        return worker

    def test_qemu_is_confined(self):
        worker = self.start_sleeper()
        pid, = worker.machines()
        line = command_line(pid)
        status = status_of(pid)
        self.assertIn(b"on,", line[line.index(b"-sandbox") + 1] + b",")
        self.assertIn(b"spawn=deny", line[line.index(b"-sandbox") + 1])
        self.assertNotIn("0", status["Uid"].split(), "not root")
        self.assertNotIn("0", status["Gid"].split(), "nor root's group")
        self.assertEqual(0, int(status["CapEff"], 16))
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            self.assertEqual("2", status_of(f"{pid}/task/{thread.name}")["Seccomp"], "seccomp filters every thread")
        if IS_ROOT:
            self.assertNotIn("0", status_of(worker.pid)["Uid"].split(), "the worker has stepped down too")
        worker.interrupt()
        self.finish(worker, status=INTERRUPTED)
        self.check_nothing_left()

    def test_machine_is_killed(self):
        worker = self.start_sleeper()
        os.kill(worker.machines()[0], signal.SIGKILL)
        killed = time.monotonic()
        result = self.finish(worker, status=EXCEPTION)
        seconds = time.monotonic() - killed
        note(f"noticed and cleaned up in {seconds:.2f} s")
        self.assertLess(seconds, 2 * FACTOR)
        self.check_message(result, "the virtual machine ended unexpectedly")
        self.check_message(result, r"^Task exception \(internal-error\)")
        self.check_nothing_left()

    def test_interrupts(self):
        for name, send in (("Ctrl-C", lambda worker: worker.interrupt()), ("SIGINT", lambda worker: worker.signal(signal.SIGINT)),
                           ("SIGTERM", lambda worker: worker.signal(signal.SIGTERM))):
            with self.subTest(name):
                worker = self.start_sleeper()
                send(worker)
                sent = time.monotonic()
                result = self.finish(worker, status=INTERRUPTED)
                self.assertLess(time.monotonic() - sent, 2 * FACTOR)
                self.assertIn("interrupted", result.err)
                self.check_nothing_left()

    def test_interrupt_of_several(self):
        tasks = [SLEEPER] * 4
        worker = self.start("--concurrency", "2", *tasks)
        wait_until(lambda: len(re.findall(rb"(?m)\| started$", worker.text("out"))) == 2, 60, "two tasks run")
        worker.interrupt()
        self.finish(worker, status=INTERRUPTED, seconds=10)
        self.check_nothing_left()

    def test_interrupt_while_the_template_is_made(self):
        worker = self.start(SLEEPER)
        worker.wait_for(rb"Preparing a template")
        wait_until(worker.machines, 30, "the template's machine runs")
        worker.interrupt()
        result = self.finish(worker, status=INTERRUPTED, seconds=10)
        self.assertNotIn(b"started", result.out)
        self.check_nothing_left()
        self.assertEqual([], self.state.templates())
        self.check_message(self.run_tasks(payload("true")), "Preparing a template")

    def test_machine_is_killed_while_the_template_is_made(self):
        worker = self.start(SLEEPER)
        worker.wait_for(rb"Preparing a template")
        os.kill(wait_until(worker.machines, 30, "the template's machine runs")[0], signal.SIGKILL)
        self.check_message(self.finish(worker, status=EXCEPTION, seconds=20), "ended unexpectedly|cannot")
        self.check_nothing_left()
        self.run_tasks(payload("true"))

    def test_worker_is_killed(self):
        worker = self.start_sleeper()
        machines = worker.machines()
        worker.process.kill()
        self.assertEqual(-signal.SIGKILL, worker.finish().status)
        self.assertEqual(machines, worker.machines(), "a machine outlives its worker")
        result = self.run_tasks(payload("echo after"))
        self.assertEqual(b"after\n", result.output())
        self.assertEqual([], worker.machines(), "the next worker has ended it")
        self.assertRegex(result.err, "virtual machines? that a killed worker had left")
        self.check_nothing_left()

    def test_worker_is_killed_while_the_template_is_made(self):
        worker = self.start(SLEEPER)
        worker.wait_for(rb"Preparing a template")
        wait_until(worker.machines, 30, "the template's machine runs")
        worker.process.kill()
        worker.finish()
        result = self.run_tasks(payload("echo after"))
        self.check_message(result, "Preparing a template")
        self.assertEqual([], worker.machines())
        self.check_nothing_left()

    def test_several_at_once(self):
        self.run_tasks(payload("true"))
        workers = [self.start(payload(f"echo I am {i}")) for i in range(3)]
        for i, worker in enumerate(workers):
            self.assertEqual(f"I am {i}\n".encode(), self.finish(worker, status=COMPLETED).output())
        self.check_nothing_left()


if __name__ == "__main__":
    main()
