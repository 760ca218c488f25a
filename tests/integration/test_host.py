"""What the host lacks is said: no QEMU, no KVM."""
import shutil
import subprocess
import unittest

from harness import EXCEPTION, IS_ROOT, USAGE, MachineTest, State, main, payload

QEMU = "/usr/bin/qemu-system-x86_64"


def can_unshare_mounts():
    command = ["unshare", "-m", "sh", "-c", f"mount --bind /dev/null {QEMU}"]
    return IS_ROOT and subprocess.run(command, stderr=subprocess.DEVNULL, check=False, timeout=10).returncode == 0


class Host(MachineTest):
    def setUp(self):
        super().setUp()
        self.state = State.own(self.folder, State.shared(), capabilities=False)

    @unittest.skipUnless(can_unshare_mounts(), "QEMU can't be hidden: no mount namespace is permitted here")
    def test_no_qemu(self):
        hide = ["unshare", "-m", "sh", "-c", f'mount --bind /dev/null {QEMU} && exec "$@"', "sh"]
        result = self.run_tasks(payload("true"), status=EXCEPTION, wrapper=hide)
        self.assertRegex(result.err, "QEMU is missing: .*install")
        self.assertEqual([], self.state.leftovers())

    def test_wanted_kvm_that_does_not_work(self):
        self.state.configure(engines={"qemu": {"accelerator": "auto"}})
        result = self.run_tasks(payload("true"))
        if ", kvm." in result.log():
            self.skipTest("KVM works on this host")
        self.check_message(result, r"^Image tiny .*, tcg\.$")
        self.state.configure(engines={"qemu": {"accelerator": "kvm"}})
        result = self.run_tasks(payload("true"), status=USAGE)
        self.assertRegex(result.err, "the configuration wants the accelerator kvm, but .*(/dev/kvm|KVM)")
        self.assertEqual(b"", result.out)
        self.assertEqual([], self.state.leftovers())

    def test_accelerator_is_remembered(self):
        self.state.configure(engines={"qemu": {"accelerator": "auto"}})
        self.run_tasks(payload("true"))
        self.assertIn('"kvm"', (self.state.folder / "accelerator.json").read_text(encoding="utf-8"))

    def test_wanted_tcg(self):
        self.state.configure(engines={"qemu": {"accelerator": "tcg"}})
        self.check_message(self.run_tasks(payload("true")), r"^Image tiny .*, tcg\.$")
        self.assertFalse((self.state.folder / "accelerator.json").exists())

    def test_connection_that_is_none(self):
        self.state.configure(engines={"qemu": {"libvirtUri": "qemu:///nonsense"}})
        result = self.run_tasks(payload("true"), status=EXCEPTION)
        self.assertIn("qemu:///nonsense", result.err)

    def test_damaged_image_is_not_used(self):
        with (self.state.image() / "initrd").open("r+b") as file:
            file.write(b"x")
        result = self.run_tasks(payload("true"), status=3)
        self.check_message(result, "initrd")

    def test_no_images_at_all(self):
        shutil.rmtree(self.state.folder / "images")
        self.check_message(self.run_tasks(payload("true"), status=3), "image build")


if __name__ == "__main__":
    main()
