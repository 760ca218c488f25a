"""Templates are a cache: whatever is wrong with one, it is made again, once, and the log says why."""
import hashlib
import io
import json
import os
import re
import shutil
import signal
import stat
import unittest

from harness import COMPLETED, EXCEPTION, FACTOR, IS_ROOT, MachineTest, State, main, make_variant, payload, scratch, small_file_system

TASK = payload("echo works")
MAKING = "Preparing a template of image tiny, once for all tasks"


class Templates(MachineTest):
    """One state directory for all cases: each finds or makes what it needs."""

    @classmethod
    def setUpClass(cls):
        cls.parent = scratch()
        cls.state = State.own(cls.parent.__enter__(), State.shared())

    @classmethod
    def tearDownClass(cls):
        cls.parent.__exit__(None, None, None)

    def template(self):
        """The template's folder, made if it is missing."""
        if not self.state.templates():
            self.run_tasks(TASK)
        folder, = self.state.templates()
        return folder

    def check_made_once(self, why):
        result = self.run_tasks(TASK)
        self.check_message(result, rf"^{MAKING} \(.*{why}.*\)")
        self.assertEqual(1, result.log().count(MAKING), result.show())
        self.check_message(result, r"^Template prepared in \d+\.\d s")
        self.assertEqual(b"works\n", result.output())
        self.check_used()
        self.assertEqual([], self.state.leftovers())

    def check_used(self):
        result = self.run_tasks(TASK)
        self.assertNotIn("emplate", result.log())
        self.assertEqual(b"works\n", result.output())

    def flip(self, path, at):
        """Changes one byte, and leaves size and time of modification as they were."""
        before = path.stat()
        with path.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def test_missing(self):
        shutil.rmtree(self.template())
        self.check_made_once("there is none")

    def test_damaged_memory(self):
        path = self.template() / "ram"
        self.flip(path, path.stat().st_size // 2)
        self.check_made_once("file ram is not what was frozen")

    def test_damaged_state(self):
        path = self.template() / "state"
        self.flip(path, path.stat().st_size // 2)
        self.check_made_once("file state is not what was frozen")

    def test_file_that_is_gone(self):
        (self.template() / "state").unlink()
        self.check_made_once("file state")

    def test_cut_file(self):
        os.truncate(self.template() / "ram", 1 << 20)
        self.check_made_once("file ram")

    def test_damaged_record(self):
        for content, why in (("", "record"), ("{", "record"), ("[]", "record"), ("{}", "another template's")):
            with self.subTest(content):
                (self.template() / "template.json").write_text(content, encoding="utf-8")
                self.check_made_once(why)

    def test_half_made(self):
        folder = self.template()
        half = folder.with_suffix(".new")
        folder.rename(half)
        (half / "template.json").unlink()
        self.check_made_once("there is none")
        self.assertFalse(half.exists())

    def test_touched_but_the_same(self):
        os.utime(self.template() / "state")
        self.check_used()

    def test_two_at_once_make_it_once(self):
        shutil.rmtree(self.template())
        workers = [self.start(TASK) for _ in range(3)]
        results = [self.finish(worker, status=COMPLETED) for worker in workers]
        self.assertEqual(1, sum(result.log().count(MAKING) for result in results), "\n".join(r.show() for r in results))
        self.assertEqual(2, sum("Waiting: another run prepares" in result.log() for result in results))
        self.assertEqual([], self.state.leftovers())

    def test_two_tasks_of_one_run_make_it_once(self):
        shutil.rmtree(self.template())
        result = self.run_tasks("--concurrency", "2", TASK, TASK)
        self.assertEqual(1, result.log().count(MAKING), result.show())

    def test_one_for_each_kind_of_machine(self):
        self.template()
        result = self.run_tasks(payload("echo works", machine={"memory": 160}))
        self.check_message(result, f"^{MAKING} ")
        self.check_used_by_nobody_else()

    def check_used_by_nobody_else(self):
        self.assertEqual(2, len(self.state.templates()))
        for folder in self.state.templates():
            if '"image tiny, 160 MiB' in (folder / "template.json").read_text(encoding="utf-8"):
                shutil.rmtree(folder)
        self.check_used()


def cpio(path, content):
    """An archive of one executable file, in the format that the kernel unpacks (newc)."""
    out = io.BytesIO()
    for name, mode, data in ((path, stat.S_IFREG | 0o755, content), ("TRAILER!!!", 0, b"")):
        encoded = name.encode() + b"\0"
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
        out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        out.write(b"\0" * (-out.tell() % 4) + data)
        out.write(b"\0" * (-out.tell() % 4))
    return out.getvalue()


class Failures(MachineTest):
    def setUp(self):
        super().setUp()
        self.state = State.own(self.folder, State.shared())

    def configure_timeouts(self, **timeouts):
        self.state.configure(engines={"qemu": {"timeouts": timeouts}})

    def test_image_without_agent(self):
        self.configure_timeouts(boot="8 seconds")
        script = b"#!/bin/sh\necho nobody is at home >/dev/console\nexec sleep 1000\n"
        image = make_variant(self.state, self.folder, "agentless", lambda manifest: None, cpio("init", script))
        result = self.run_tasks(payload("true", image=str(image)), status=EXCEPTION)
        self.check_message(result, "waiting for the guest's agent")
        self.check_message(result, "console: .*nobody is at home")
        self.assertLess(result.seconds, 20 * FACTOR)
        self.assertEqual([], self.state.leftovers())
        self.assertEqual([], self.state.templates())

    def test_kernel_that_panics(self):
        image = make_variant(self.state, self.folder, "broken", lambda manifest: None, cpio("init", b"#!/bin/sh\nexit 1\n"))
        result = self.run_tasks(payload("true", image=str(image)), status=EXCEPTION)
        self.check_message(result, "waiting for the guest's agent: the virtual machine ")
        self.check_message(result, "console: .*Attempted to kill init")
        self.assertEqual([], self.state.leftovers())

    def test_agent_that_stops_answering(self):
        self.configure_timeouts(agent=2)
        worker = self.start(payload("echo started; sleep 100"))
        worker.wait_for(rb"(?m)^started$", 60)
        pid, = worker.machines()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.resume, pid)
        result = self.finish(worker, status=EXCEPTION, seconds=30)
        self.check_message(result, "running the command: ")
        self.check_message(result, r"^Task exception \(internal-error\)")
        self.assertEqual([], self.state.leftovers())

    @staticmethod
    def resume(pid):
        if os.path.exists(f"/proc/{pid}"):
            os.kill(pid, signal.SIGCONT)

    def test_template_that_cannot_be_loaded_is_made_again(self):
        """Damage that has a right digest, such as of a template that another QEMU made."""
        self.run_tasks(TASK)
        folder, = self.state.templates()
        (folder / "state").write_bytes(b"this is no machine")
        record = json.loads((folder / "template.json").read_text(encoding="utf-8"))
        record["files"]["state"].update(sha256=hashlib.sha256(b"this is no machine").hexdigest(), stamp="")
        (folder / "template.json").write_text(json.dumps(record), encoding="utf-8")
        result = self.run_tasks(TASK)
        self.check_message(result, "template can't be used: .*cannot load the template's state")
        self.check_message(result, MAKING)
        self.assertEqual(b"works\n", result.output())
        self.assertEqual([], self.state.leftovers())


@unittest.skipUnless(IS_ROOT, "only root can mount a small file system")
class NoSpace(MachineTest):
    def setUp(self):
        super().setUp()
        self.small = self.enter(small_file_system(self.folder / "small", 64))

    def test_no_space_for_the_template(self):
        state = State.own(self.small, State.shared())
        worker = self.start(TASK, state=state)
        result = worker.finish()
        self.assertEqual(EXCEPTION, result.status, result.show())
        self.check_message(result, re.escape(f"there is no space left in {state.folder}"))
        self.check_message(result, r"^Task exception \(resource-unavailable\)")
        self.assertEqual([], state.leftovers())
        self.assertEqual([], state.templates())
        self.assertEqual([], worker.machines())


if __name__ == "__main__":
    main()
