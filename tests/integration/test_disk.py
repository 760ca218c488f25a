"""The disk of an image: every machine writes to an overlay of its own, which goes with it."""
import hashlib
import shutil
import unittest

from harness import EXCEPTION, IS_ROOT, MachineTest, State, main, make_disk_variant, payload, small_file_system

SIZE = 16 << 20
CONTENT = b"as it was made" + bytes(SIZE - 14)
READ = "dd if=/dev/vda bs=14 count=1 2>/dev/null"
WRITE = "printf 'something else' | dd of=/dev/vda conv=notrunc 2>/dev/null; sync; echo 3 >/proc/sys/vm/drop_caches; "


class Disk(MachineTest):
    def setUp(self):
        super().setUp()
        self.state = State.own(self.folder, State.shared())
        self.image = make_disk_variant(self.state, self.folder, CONTENT)

    def task(self, script):
        return payload(script, image=str(self.image))

    def test_fork_reads_and_writes_its_own(self):
        self.assertEqual(b"as it was made\n", self.run_tasks(self.task(READ)).output())
        self.assertEqual(b"something else\n", self.run_tasks(self.task(WRITE + READ)).output())
        self.assertEqual(b"as it was made\n", self.run_tasks(self.task(READ)).output())
        result = self.run_tasks("--concurrency", "2", self.task(WRITE + "sleep 2; " + READ), self.task("sleep 1; " + READ))
        self.assertIn(b"task4| something else", result.out)
        self.assertIn(b"task5| as it was made", result.out)
        self.assertEqual(hashlib.sha256(CONTENT).digest(), hashlib.sha256((self.image / "disk.raw").read_bytes()).digest())
        self.assertEqual([], self.state.leftovers())

    def test_digest_of_the_whole_disk(self):
        result = self.run_tasks(self.task("sha256sum </dev/vda; blockdev --getsize64 /dev/vda"))
        self.assertEqual([hashlib.sha256(CONTENT).hexdigest().encode(), b"-", str(SIZE).encode()], result.output().split())

    def test_damaged_layer_is_made_again(self):
        self.run_tasks(self.task(READ))
        folder, = self.state.templates()
        with (folder / "disk.qcow2").open("ab") as file:
            file.write(b"more")
        result = self.run_tasks(self.task(READ))
        self.check_message(result, r"Preparing a template .*file disk\.qcow2")
        self.assertEqual(b"as it was made\n", result.output())

    def test_image_that_changed_under_its_template(self):
        self.run_tasks(self.task(READ))
        shutil.rmtree(self.image)
        make_disk_variant(self.state, self.folder, b"made otherwise" + bytes(SIZE - 14))
        self.assertEqual(b"made otherwise\n", self.run_tasks(self.task(READ)).output())


@unittest.skipUnless(IS_ROOT, "only root can mount a small file system")
class FullDisk(MachineTest):
    def test_host_is_full_while_the_task_writes(self):
        """The guest is stopped by it, and nobody waits for a guest that can't go on."""
        state = State.own(self.enter(small_file_system(self.folder / "small", 320)), State.shared())
        image = make_disk_variant(state, self.folder, bytes(SIZE * 20))
        script = "echo begun; dd if=/dev/urandom of=/dev/vda bs=1048576 count=300; sync; sleep 60"
        worker = self.start(payload(script, image=str(image)), state=state)
        result = worker.finish()
        self.assertEqual(EXCEPTION, result.status, result.show())
        self.check_message(result, "was ended because the host's disk is full")
        self.check_message(result, r"^Task exception \(resource-unavailable\)")
        self.assertIn(b"begun", result.out)
        self.assertEqual([], state.leftovers())
        self.assertEqual([], worker.machines())


if __name__ == "__main__":
    main()
