"""A real Debian as an image: systemd, an unprivileged user, a large folder as artifact."""
import hashlib
import os
import sys

from harness import MachineTest, State, main, note, payload


def debian(script, **more):
    return payload(script, image="debian-12", command=["bash", "-c", script], maxRunTime=300, **more)


class Debian(MachineTest):
    def test_task_in_a_running_system(self):
        script = "id -un; apt-get --version | head -n 1; systemctl is-system-running; cat /etc/debian_version"
        result = self.run_tasks(debian(script), seconds=300)
        user, apt, running, version = result.output().decode().splitlines()
        self.assertEqual("task", user)
        self.assertRegex(apt, r"^apt \d")
        self.assertEqual("running", running)
        self.assertRegex(version, r"^12\.")

    def test_forks_differ(self):
        script = "cat /etc/machine-id /proc/sys/kernel/random/uuid; hostname"
        one, two = (self.run_tasks(debian(script), seconds=300).output().splitlines() for _ in range(2))
        self.assertEqual(3, len(one))
        self.assertEqual(set(), set(one) & set(two))

    def test_folder_of_200_mb(self):
        script = "mkdir d; for i in $(seq 20); do head -c 10485760 /dev/urandom >d/$i; done; cd d && sha256sum *"
        target = self.folder / "artifacts"
        artifacts = [{"type": "directory", "path": "/home/task/d", "name": "public/d"}]
        result = self.run_tasks("--artifacts", target, debian(script, artifacts=artifacts), seconds=400)
        wanted = {name.decode(): digest.decode() for digest, name in (line.split() for line in result.output().splitlines())}
        self.assertEqual(20, len(wanted))
        self.assertEqual(wanted, {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (target / "public" / "d").iterdir()})
        note(f"200 MiB, made, digested and taken: {result.seconds:.1f} s")

    def test_what_a_task_writes_is_gone_with_it(self):
        self.run_tasks(debian("echo x >kept && sync"), seconds=300)
        self.assertEqual(b"gone\n", self.run_tasks(debian("test -e kept || echo gone"), seconds=300).output())


if __name__ == "__main__":
    shared = State.shared()
    if shared is not None and not shared.has_image("debian-12") and os.environ.get("TCW_TEST_DEBIAN") != "1":
        print("1..0 # SKIP the tests' state has no image debian-12; `image build --config \"$TCW_TEST_CONFIG\" debian-12` makes it")
        sys.exit()
    main()
