"""Artifacts in the folder that --artifacts names: content, names, what is refused."""
import hashlib
import os
import unittest

from harness import FAILED, IS_ROOT, MALFORMED, USAGE, MachineTest, main, note, payload


def artifact(path, name, kind="file"):
    return {"type": kind, "path": path, "name": name}


class Artifacts(MachineTest):
    def setUp(self):
        super().setUp()
        self.target = self.folder / "artifacts"

    def run_with(self, script, *artifacts, options=(), **more):
        return self.run_tasks("--artifacts", self.target, *options, payload(script, artifacts=list(artifacts)), **more)

    def found(self):
        """Content of all files, by path."""
        return {str(p.relative_to(self.target)): p.read_bytes() for p in self.target.rglob("*") if p.is_file() or p.is_symlink()}

    def test_file(self):
        result = self.run_with("printf 'a\\0b' >x", artifact("/home/task/x", "public/x"))
        self.assertEqual({"public/x": b"a\0b"}, self.found())
        self.check_message(result, "^Artifact public/x: 3 bytes")

    def test_empty_file(self):
        self.run_with(": >x", artifact("/home/task/x", "xx"))
        self.assertEqual({"xx": b""}, self.found())

    def test_of_a_failed_task(self):
        self.run_with("echo report >x; exit 1", artifact("/home/task/x", "xx"), status=FAILED)
        self.assertEqual({"xx": b"report\n"}, self.found())

    def test_60_mb_of_random_bytes(self):
        result = self.run_with("head -c 62914560 /dev/urandom >x; sha256sum x", artifact("/home/task/x", "xx"), seconds=120)
        self.assertEqual(hashlib.sha256((self.target / "xx").read_bytes()).hexdigest(), result.output().split()[0].decode())
        note(f"60 MiB, made, digested and taken: {result.seconds:.1f} s")

    def test_folder(self):
        script = ("mkdir -p 'd/one/two three' d/empty; echo 1 >d/a; echo 2 >'d/one/two three/b c'; echo 3 >d/one/grün;"
                  " ln -s /etc/passwd d/link; ln -s one d/folder-link; ln -s /nowhere d/dangling; mkfifo d/fifo; ln d/a d/hard")
        result = self.run_with(script, artifact("/home/task/d", "public/d", "directory"))
        self.assertEqual({"public/d/a": b"1\n", "public/d/hard": b"1\n", "public/d/one/two three/b c": b"2\n",
                          "public/d/one/grün": b"3\n"}, self.found(), result.show())
        self.check_message(result, "^Artifacts below public/d: 4 files, 8 bytes")

    def test_many_small_files(self):
        script = "mkdir d; cd d; i=0; while [ $i -lt 1000 ]; do echo $i >f$i; i=$((i + 1)); done"
        self.run_with(script, artifact("/home/task/d", "dd", "directory"))
        self.assertEqual({f"dd/f{i}": f"{i}\n".encode() for i in range(1000)}, self.found())

    def test_sparse_file_over_4_gib_stays_sparse(self):
        size = 5 << 30
        script = (f"printf begin >/tmp/x; truncate -s {size} /tmp/x;"
                  f" printf middle | dd of=/tmp/x bs=1 seek={3 << 30} conv=notrunc 2>/dev/null")
        self.run_with(script, artifact("/tmp/x", "xx"))
        status = (self.target / "xx").stat()
        self.assertEqual(size, status.st_size)
        self.assertLess(status.st_blocks * 512, 1 << 20)
        with (self.target / "xx").open("rb") as file:
            self.assertEqual(b"begin\0", file.read(6))
            file.seek(3 << 30)
            self.assertEqual(b"middle\0", file.read(7))

    def test_names(self):
        self.run_with("echo 1 >'a b'", artifact("/home/task/a b", "public/with blanks (1).txt"))
        self.assertEqual({"public/with blanks (1).txt": b"1\n"}, self.found())

    def test_missing_one_fails_the_task_and_hides_no_other(self):
        result = self.run_with("echo 1 >x", artifact("/home/task/nowhere", "aa"), artifact("/home/task/x", "xx"), status=FAILED)
        self.assertEqual({"xx": b"1\n"}, self.found())
        self.check_message(result, "^Artifact aa: .*/home/task/nowhere")
        self.check_message(result, "^Task failed")

    def test_wrong_kind(self):
        for kind, path in (("file", "/home/task"), ("directory", "/etc/os-release")):
            with self.subTest(kind):
                self.check_message(self.run_with("true", artifact(path, "aa", kind), status=FAILED), "^Artifact aa: ")
        self.assertEqual({}, self.found())

    def test_link_in_place_of_a_file_is_followed_in_the_guest_only(self):
        self.run_with("ln -s /etc/hostname x", artifact("/home/task/x", "xx"))
        self.assertEqual(["xx"], list(self.found()))
        self.assertFalse((self.target / "xx").is_symlink())

    def test_names_that_lead_out_of_the_folder(self):
        for name in ("../evil", "a/../../evil", "a/..", "./a", "a//b", ".."):
            with self.subTest(name):
                self.check_message(self.run_with("echo 1 >x", artifact("/home/task/x", name), status=MALFORMED), "^Artifact|artifacts")
        self.assertEqual({}, self.found())
        self.assertFalse((self.folder / "evil").exists())

    def test_absolute_name(self):
        self.start("--artifacts", self.target, payload("echo 1 >x", artifacts=[artifact("/home/task/x", f"{self.folder}/evil")])).finish()
        self.assertFalse((self.folder / "evil").exists())

    def test_link_on_the_host_is_not_followed(self):
        outside = self.folder / "outside"
        outside.mkdir()
        outside.chmod(0o777)
        self.run_with("echo 1 >x", artifact("/home/task/x", "first"))
        (self.target / "link").symlink_to(outside)
        (self.target / "leaf").symlink_to(outside / "victim")
        definition = payload("echo 1 >x", artifacts=[artifact("/home/task/x", "leaf"), artifact("/home/task/x", "link/evil")])
        result = self.start("--artifacts", self.target, definition).finish()
        self.assertNotEqual(0, result.status, result.show())
        self.assertEqual([], list(outside.iterdir()))
        self.assertFalse((self.target / "leaf").is_symlink(), "replaced, not followed")

    def test_second_run_replaces(self):
        self.run_with("echo longer text >x", artifact("/home/task/x", "xx"))
        self.run_with("echo 2 >x", artifact("/home/task/x", "xx"))
        self.assertEqual({"xx": b"2\n"}, self.found())

    def test_without_a_folder_they_are_dropped(self):
        work = self.folder / "work"
        work.mkdir()
        result = self.run_tasks(payload("echo 1 >x", artifacts=[artifact("/home/task/x", "xx")]))
        self.check_message(result, "^Artifact xx: 2 bytes")
        self.run_tasks(payload("true", artifacts=[artifact("/home/task/x", "xx")]), status=FAILED)
        self.assertEqual([], [str(p) for p in self.folder.rglob("xx")])

    def test_several_tasks_have_folders_of_their_own(self):
        definitions = [payload(f"echo {i} >x", artifacts=[artifact("/home/task/x", "xx")]) for i in range(2)]
        self.run_tasks("--artifacts", self.target, "--concurrency", "2", *definitions)
        self.assertEqual([b"0\n", b"1\n"], sorted(self.found().values()))
        self.assertEqual(2, len(list(self.target.iterdir())))

    @unittest.skipUnless(IS_ROOT, "only the worker that is started as root changes its user")
    def test_folder_with_files_of_somebody_else(self):
        self.target.mkdir(mode=0o755)
        (self.target / "kept").write_text("kept", encoding="utf-8")
        result = self.run_with("echo 1 >x", artifact("/home/task/x", "xx"), status=USAGE)
        self.assertRegex(result.err, "taskcluster-worker can't write in it")
        self.assertEqual({"kept": b"kept"}, self.found())
        self.assertEqual(0, os.stat(self.target).st_uid)

    def test_artifacts_option_that_names_a_file(self):
        self.target.write_text("x", encoding="utf-8")
        result = self.call("run", "--config", self.state.config, "--artifacts", self.target, self.write_task(payload("true")))
        self.assertNotEqual(0, result.status)
        self.assertIn(str(self.target), result.err)


if __name__ == "__main__":
    main()
