"""The exit status of `run`, and the message that comes with it, for each way in which a task can end or can't begin."""
import re

from harness import COMPLETED, EXCEPTION, FAILED, MALFORMED, USAGE, MachineTest, main, make_root_variant, make_variant, payload


class Usage(MachineTest):
    def usage(self, *arguments, pattern):
        result = self.call(*arguments)
        self.assertEqual(USAGE, result.status, result.show())
        self.assertEqual(b"", result.out, result.show())
        self.assertRegex(result.err, pattern)

    def test_no_task(self):
        self.usage("run", pattern="no task is named.*run --help")

    def test_unknown_option(self):
        self.usage("run", "--nonsense", "x.json", pattern="--nonsense")

    def test_unknown_verb(self):
        self.usage("runn", pattern="runn")
        self.usage(pattern="Usage: taskcluster-worker VERB")

    def test_bad_concurrency(self):
        for value in ("0", "-1", "257", "many", "1.5"):
            with self.subTest(value):
                self.usage("run", f"--concurrency={value}", "x.json", pattern="concurrency|Cannot parse integer|out of range")

    def test_missing_file(self):
        self.usage("run", "--config", self.state.config, self.folder / "nowhere.json", pattern="nowhere.json.*No such file")

    def test_folder_in_place_of_a_file(self):
        self.usage("run", "--config", self.state.config, self.folder, pattern=re.escape(str(self.folder)))

    def test_missing_configuration(self):
        self.usage("run", "--config", self.folder / "c.yml", self.write_task(payload("true")), pattern="c.yml.*No such file")

    def test_wrong_configuration(self):
        config = self.folder / "config.yml"
        config.write_text(f"stateDirectory: {self.state.folder}\nnonsense: 1\nengines: {{qemu: {{accelerator: warp}}}}\n", encoding="utf-8")
        self.usage("run", "--config", config, self.write_task(payload("true")), pattern="(?s)nonsense.*engines.qemu.accelerator")

    def test_state_directory_that_cannot_be_used(self):
        config = self.folder / "config.yml"
        config.write_text("stateDirectory: /proc/nowhere\n", encoding="utf-8")
        result = self.call("run", "--config", config, self.write_task(payload("true")))
        self.assertIn(result.status, (USAGE, EXCEPTION), result.show())
        self.assertIn("/proc/nowhere", result.err)

    def test_state_directory_with_a_path_too_long_for_sockets(self):
        folder = self.folder / ("x" * 90)
        config = self.folder / "config.yml"
        config.write_text(f"stateDirectory: {folder}\n", encoding="utf-8")
        self.usage("run", "--config", config, self.write_task(payload("true")), pattern="too long")

    def test_help_and_version(self):
        for arguments in (("--help",), ("run", "--help"), ("image", "--help"), ("exec", "--help"), ("--version",)):
            with self.subTest(arguments):
                result = self.call(*arguments)
                self.assertEqual((COMPLETED, ""), (result.status, result.err), result.show())
                self.assertIn(b"taskcluster-worker", result.out)
        for option in (b"--concurrency", b"--image", b"--artifacts", b"--config", b"--keep"):
            self.assertIn(option, self.call("run", "--help").out)


class Malformed(MachineTest):
    def test_every_violation_with_its_path(self):
        wrong = {"command": "true", "env": {"A": 1}, "nonsense": 1, "machine": {"memory": "much", "wheels": 4},
                 "artifacts": [{"type": "file", "path": "/x", "name": "x/"}, {"type": "folder", "path": "/x"}]}
        result = self.run_tasks(wrong, status=MALFORMED)
        for place in ("image", "command", "env.A", "nonsense", "machine.memory", "machine.wheels", "artifacts[0].name",
                      "artifacts[1].name", "artifacts[1].type"):
            self.check_message(result, "^" + re.escape(f"task.payload.{place}: "))
        self.check_message(result, r"^Task exception \(malformed-payload\)")

    def test_unknown_image_lists_the_known(self):
        result = self.run_tasks(payload("true", image="nonesuch"), status=MALFORMED)
        self.check_message(result, "nonesuch")
        self.check_message(result, r"\btiny\b")

    def test_image_folder_that_is_none(self):
        result = self.run_tasks(payload("true", image=str(self.folder)), status=MALFORMED)
        self.check_message(result, re.escape(str(self.folder)))

    def test_broken_json(self):
        path = self.write_task('{\n  "image": "tiny",\n  "command": [sh]\n}\n')
        result = self.run_tasks(path, status=MALFORMED)
        self.assertRegex(result.err, re.escape(str(path)) + r":3:15: ")

    def test_broken_yaml(self):
        path = self.write_task("image: tiny\ncommand: [sh\n", name="task.yml")
        result = self.run_tasks(path, status=MALFORMED)
        self.assertRegex(result.err, re.escape(str(path)) + r":[23]:\d+: ")

    def test_definition_that_is_no_object(self):
        self.assertRegex(self.run_tasks(self.write_task("[1]"), status=MALFORMED).err, "must be an object")
        self.assertRegex(self.run_tasks(self.write_task('{"payload": 1}'), status=MALFORMED).err, "payload")

    def test_command_that_cannot_start(self):
        for command, pattern in ((["no-such-program"], "not found: no-such-program"), (["/no/such"], "not found: /no/such"),
                                 (["/etc/os-release"], "/etc/os-release.*(not executable|[Pp]ermission)"),
                                 (["/etc"], "/etc.*(not executable|[Pp]ermission)")):
            with self.subTest(command):
                result = self.run_tasks({"image": "tiny", "command": command}, status=MALFORMED)
                self.check_message(result, r"(?i)^task\.payload\.command: .*" + pattern)

    def test_no_such_user_and_no_such_directory(self):
        for name, key, value, pattern in (("ghost", "user", "ghost", "ghost"), ("nowhere", "workdir", "/no/where", "/no/where")):
            with self.subTest(name):
                image = make_variant(self.state, self.folder, name, lambda manifest: manifest["exec"].update({key: value}))
                self.check_message(self.run_tasks(payload("true", image=str(image)), status=MALFORMED), pattern)

    def test_name_of_a_variable(self):
        result = self.run_tasks(payload("true", env={"1A": "x"}), status=MALFORMED)
        self.check_message(result, r"task\.payload\.env: .*1A")

    def test_variable_of_the_worker(self):
        self.check_message(self.run_tasks(payload("true", env={"TASK_ID": "x"}), status=MALFORMED), "TASK_ID")

    def test_machine_over_the_limit(self):
        result = self.run_tasks(payload("true", machine={"memory": 900000}), status=MALFORMED)
        self.check_message(result, r"task\.payload\.machine.*memory")

    def test_max_run_time(self):
        for value, pattern in (("3 fortnights", "fortnights"), ("1000 days", "limit"), (0, "at least 1")):
            with self.subTest(value):
                self.check_message(self.run_tasks(payload("true", maxRunTime=value), status=MALFORMED), r"maxRunTime.*" + pattern)

    def test_one_broken_definition_of_two_starts_nothing(self):
        result = self.run_tasks(payload("echo ran"), self.write_task("{"), status=MALFORMED)
        self.assertEqual(b"", result.out)


class Ends(MachineTest):
    def test_completed(self):
        self.run_tasks(payload("true"))

    def test_failed(self):
        result = self.run_tasks(payload("exit 3"), status=FAILED)
        self.assertEqual("The command ended with exit status 3.", result.messages()[-2])
        self.assertRegex(result.messages()[-1], "^Task failed")

    def test_ended_by_a_signal(self):
        self.check_message(self.run_tasks(payload("kill -9 $$"), status=FAILED), "ended by signal 9 ")

    def test_max_run_time(self):
        result = self.run_tasks(payload("echo before; sleep 100; echo after", maxRunTime=2), status=FAILED)
        self.assertEqual(b"before\n", result.output())
        self.check_message(result, "maxRunTime of 2 seconds")
        self.assertLess(result.seconds, 30)

    def test_max_run_time_of_a_command_that_ignores_signals_and_hides(self):
        script = "trap '' TERM INT HUP; (setsid sh -c 'trap \"\" TERM; sleep 100' &) ; sleep 100; sleep 100"
        self.check_message(self.run_tasks(payload(script, maxRunTime=1), status=FAILED), "maxRunTime of 1 seconds")

    def test_command_that_leaves_a_process_behind_has_ended(self):
        result = self.run_tasks(payload("sleep 100 & echo done"))
        self.assertEqual(b"done\n", result.output())
        self.assertLess(result.seconds, 30)

    def test_image_on_the_command_line(self):
        self.check_message(self.run_tasks("--image", "tiny", payload("true", image="nonesuch")), "^Image tiny ")

    def test_worst_of_several(self):
        tasks = payload("true"), payload("exit 1"), payload("true", image="nonesuch")
        result = self.run_tasks("--concurrency", "2", *tasks, status=MALFORMED)
        for name in ("task1| ", "task2| ", "task3| "):
            self.assertIn(name, result.log())

    def test_environment_and_user(self):
        script = "echo \"$A/$TASK_ID/$RUN_ID/$LANG\"; id -un; pwd; cat; echo end"
        lines = self.run_tasks(payload(script, env={"A": "x y\n=", "LANG": "C"})).output().decode().split("\n")
        self.assertEqual("x y", lines[0])
        self.assertRegex(lines[1], r"^=/[A-Za-z0-9_-]{22}/0/C$")
        self.assertEqual(["task", "/home/task", "end", ""], lines[2:])


class Machine(MachineTest):
    """What root can do to its own machine."""

    def setUp(self):
        super().setUp()
        self.image = str(make_root_variant(self.state, self.folder))

    def ends_machine(self, script, pattern):
        result = self.run_tasks(payload(f"echo before; {script}; sleep 60", image=self.image), status=FAILED)
        self.assertIn(b"before", result.output())
        self.check_message(result, pattern)
        self.assertLess(result.seconds, 30)

    def test_power_off(self):
        self.ends_machine("poweroff -f", "powered off from within")

    def test_reboot(self):
        self.ends_machine("reboot -f", "rebooted from within")

    def test_panic(self):
        self.ends_machine("echo c >/proc/sysrq-trigger", "rebooted from within|panic")

    def test_memory_of_the_machine(self):
        script = "awk '/MemTotal/ { print int ($2 / 1024) }' /proc/meminfo; nproc"
        result = self.run_tasks(payload(script, machine={"memory": 192, "cores": 2}))
        memory, cpus = map(int, result.output().split())
        self.assertTrue(120 < memory < 192, memory)
        self.assertEqual(2, cpus)
        self.check_message(result, "192 MiB, 2 CPUs")


if __name__ == "__main__":
    main()
