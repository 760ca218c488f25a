"""The guard itself: each thing that a test may leave behind makes it fail, is named, and is gone afterwards.

Arguments: the guard, and the program test-fd.
"""
import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import tap

GUARD, TEST_FD = sys.argv[1], sys.argv[2]
LEFT_BEHIND = 99


def alive(pid):
    """Whether the process exists and is no zombie."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class GuardTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()

    def environment(self, **more):
        return {**os.environ, "TCW_TEST_SCRATCH": str(self.scratch), "OUT": str(self.folder), **more}

    def guard(self, script, *, env=None, program=None):
        command = [GUARD] + (program or ["sh", "-c", script])
        result = subprocess.run(command, env=self.environment(**(env or {})), capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual([], sorted(self.scratch.iterdir()), "the scratch folder is gone")
        return result

    def test_clean_test_passes_and_its_output_comes_through(self):
        result = self.guard("echo '1..1'; echo 'ok 1 x'; echo note >&2")
        self.assertEqual((0, "1..1\nok 1 x\n", "note\n"), (result.returncode, result.stdout, result.stderr))

    def test_exit_status_is_passed_on(self):
        self.assertEqual(77, self.guard("exit 77").returncode)
        self.assertEqual(1, self.guard("exit 1").returncode)

    def test_signal_is_reported(self):
        result = self.guard("kill -SEGV $$")
        self.assertEqual(128 + signal.SIGSEGV, result.returncode)
        self.assertIn("ended by a signal", result.stderr)

    def test_left_child(self):
        result = self.guard('sleep 100 & echo $! >"$OUT/pid"')
        self.assertEqual(LEFT_BEHIND, result.returncode)
        pid = int((self.folder / "pid").read_text(encoding="utf-8"))
        self.assertIn(f"left a process: {pid} (sleep 100)", result.stderr)
        self.assertFalse(alive(pid))

    def test_left_daemon_in_a_session_of_its_own(self):
        result = self.guard('setsid sh -c \'echo $$ >"$OUT/pid"; exec sleep 100\' >/dev/null 2>&1 & '
                            'while [ ! -s "$OUT/pid" ]; do :; done')
        self.assertEqual(LEFT_BEHIND, result.returncode)
        self.assertFalse(alive(int((self.folder / "pid").read_text(encoding="utf-8"))))

    def test_process_that_ignores_sigterm(self):
        result = self.guard("(trap '' TERM; while :; do sleep 1; done) & exit 0")
        self.assertEqual(LEFT_BEHIND, result.returncode)

    def test_failed_test_keeps_its_own_status(self):
        result = self.guard("sleep 100 & exit 3")
        self.assertEqual(3, result.returncode)
        self.assertIn("left a process", result.stderr)

    def test_process_that_is_just_ending_is_no_complaint(self):
        self.assertEqual(0, self.guard("sleep 0.1 & exit 0").returncode)

    def test_left_file(self):
        result = self.guard('echo x >"$TMPDIR/a-file"')
        self.assertEqual(LEFT_BEHIND, result.returncode)
        self.assertIn("/tmp/a-file", result.stderr)

    def test_left_file_in_the_working_folder_and_at_home(self):
        self.assertIn("/tmp/core", self.guard(": >core").stderr)
        self.assertIn("/home/.config", self.guard('mkdir "$HOME/.config"').stderr)

    def test_left_folder_without_permissions_and_dangling_link(self):
        result = self.guard('mkdir -p "$TMPDIR/d/e"; ln -s /nowhere "$TMPDIR/d/e/link"; chmod 0 "$TMPDIR/d/e" "$TMPDIR/d"')
        self.assertEqual(LEFT_BEHIND, result.returncode)

    def test_removal_does_not_follow_links(self):
        outside = self.folder / "outside"
        outside.mkdir()
        (outside / "kept").write_text("x", encoding="utf-8")
        self.assertEqual(LEFT_BEHIND, self.guard('ln -s "$OUT/outside" "$TMPDIR/link"').returncode)
        self.assertTrue((outside / "kept").exists())

    def test_many_files_are_cut_short(self):
        result = self.guard('for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23; do : >"$TMPDIR/$i"; done')
        self.assertIn("and 3 more", result.stderr)

    def test_watched_folder(self):
        state = self.folder / "state"
        (state / "images").mkdir(parents=True)
        watch = {"TCW_TEST_WATCH": f"{state}:{self.folder}/never-made"}
        self.assertEqual(0, self.guard("exit 0", env=watch).returncode)
        result = self.guard('mkdir "$OUT/state/run"; : >"$OUT/state/run/socket"', env=watch)
        self.assertEqual(LEFT_BEHIND, result.returncode)
        self.assertIn(f"{state}/run/socket", result.stderr)

    def test_removed_file_is_no_complaint(self):
        self.assertEqual(0, self.guard('f=$(mktemp); rm "$f"').returncode)

    def test_each_test_has_its_own_folder(self):
        one, two = (self.guard('echo "$TMPDIR"; pwd').stdout.split() for _ in range(2))
        self.assertEqual(one[0], one[1])
        self.assertNotEqual(one[0], two[0])

    def test_no_open_files_are_inherited(self):
        extra = fcntl.fcntl(0, fcntl.F_DUPFD, 50)
        self.addCleanup(os.close, extra)
        result = subprocess.run([GUARD, "sh", "-c", f"[ ! -e /proc/self/fd/{extra} ]"], env=self.environment(), pass_fds=(extra,),
                                check=False)
        self.assertEqual(0, result.returncode)

    def test_deadline(self):
        start = time.monotonic()
        result = self.guard("sleep 100", env={"TCW_TEST_DEADLINE": "0.2"})
        self.assertEqual(124, result.returncode)
        self.assertLess(time.monotonic() - start, 20)
        self.assertIn("not done after 0.2 s", result.stderr)

    def test_told_to_end(self):
        with subprocess.Popen([GUARD, "sh", "-c", 'sleep 100 & echo $!; wait'], env=self.environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            pid = int(process.stdout.readline())
            process.terminate()
            _, err = process.communicate(timeout=60)
        self.assertEqual(124, process.returncode)
        self.assertIn("Terminated", err)
        self.assertFalse(alive(pid))
        self.assertEqual([], list(self.scratch.iterdir()))

    def test_relative_program_and_arguments(self):
        script = self.folder / "a" / "script"
        script.parent.mkdir()
        script.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        result = subprocess.run([os.path.abspath(GUARD), "a/script", "a/script", "plain", "--opt=a/script", "no/such"],
                                cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=True)
        real = os.path.realpath(script)
        self.assertEqual(f"{real} plain --opt=a/script no/such\n", result.stdout.replace(str(script), real))

    def test_missing_program(self):
        result = self.guard("", program=["/no/such/program"])
        self.assertEqual(125, result.returncode)
        self.assertIn("cannot run /no/such/program", result.stderr)

    def test_open_file_fails_the_test(self):
        result = self.guard("", program=[os.path.abspath(TEST_FD), "leak"])
        self.assertEqual(1, result.returncode)
        self.assertIn("left open files", result.stderr)
        self.assertIn("/dev/null", result.stderr)

    def test_usage(self):
        self.assertEqual(2, subprocess.run([GUARD], capture_output=True, check=False).returncode)


if __name__ == "__main__":
    tap.main()
