"""What a task writes arrives in the log, every byte of it, whatever it is and however fast it comes."""
import hashlib
import subprocess

from harness import FACTOR, MESSAGE, PROGRAM, MachineTest, main, note, payload

MB = 1 << 20


class Transport(MachineTest):
    def body(self, result):
        """All that came after the worker's first messages, up to its last ones."""
        begin = result.out.index(b"] Virtual machine forked")
        begin = result.out.index(b"\n", begin) + 1
        return result.out[begin:result.out.rindex(b"[taskcluster ", 0, result.out.rindex(b"[taskcluster "))]

    def test_100_mb_of_random_bytes(self):
        """One random MiB, a hundred times, each time after its number: what is lost, repeated or out of order shows."""
        script = ("head -c 1048576 /dev/urandom >b; sha256sum <b | cut -c1-64;"
                  " i=100; while [ $i -lt 200 ]; do echo $i; cat b; i=$((i + 1)); done")
        result = self.run_tasks(payload(script), seconds=100)
        body = self.body(result)
        self.assertEqual(65 + 100 * (4 + MB) + 1, len(body), result.show())
        block = body[69:69 + MB]
        self.assertEqual(hashlib.sha256(block).hexdigest(), body[:64].decode())
        for i in range(100):
            begin = 65 + i * (4 + MB)
            self.assertEqual(f"{100 + i}\n".encode(), body[begin:begin + 4])
            self.assertTrue(body[begin + 4:begin + 4 + MB] == block, f"block {i} is another")
        note(f"100 MiB of random bytes: {100 * MB / 1e6 / result.seconds:.1f} MB/s, start and end included")

    def test_flood(self):
        size = 100 * MB
        result = self.run_tasks(payload("dd if=/dev/zero bs=65536 count=1600 2>/dev/null"), seconds=60)
        self.assertEqual(size, len(self.body(result)) - 1)
        self.assertEqual(size, self.body(result).count(b"\0"))
        note(f"100 MiB in large writes: {size / 1e6 / result.seconds:.1f} MB/s, start and end included")
        self.assertLess(result.seconds, size / 4e6 * FACTOR, "at least 4 MB/s; an idle machine has 25")

    def test_two_streams_at_once(self):
        """Nothing is lost of either; where one is cut to let the other in is open, so their bytes are told apart by their kind."""
        result = self.run_tasks(payload("seq 1 200000 | tr '\\n' , & seq 1 200000 | tr '0-9\\n' 'a-k' >&2; wait"))
        body = self.body(result)
        expected = "".join(f"{i}," for i in range(1, 200001))
        self.assertTrue(bytes(c for c in body if c in b"0123456789,").decode() == expected, "stdout")
        second = bytes(c for c in body if c in b"abcdefghijk").translate(bytes.maketrans(b"abcdefghijk", b"0123456789,")).decode()
        self.assertTrue(second == expected, "stderr")

    def test_very_long_line(self):
        result = self.run_tasks(payload(f"head -c {8 * MB} /dev/zero | tr '\\0' x"))
        lines = result.out.split(b"\n")
        self.assertEqual([8 * MB], [len(line) for line in lines if line.startswith(b"x")])
        self.assertRegex(lines[-3], MESSAGE)

    def test_no_newline_at_the_end(self):
        result = self.run_tasks(payload("printf abc"))
        self.assertEqual(b"abc", result.out.split(b"\n")[-4])
        self.assertRegex(result.out.split(b"\n")[-3], MESSAGE)

    def test_no_output_at_all(self):
        self.assertEqual(b"", self.run_tasks(payload("true")).output())

    def test_every_byte(self):
        script = "i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %o $i)\"; i=$((i + 1)); done"
        self.assertEqual(bytes(range(256)) + b"\n", self.body(self.run_tasks(payload(script))))

    def test_both_streams(self):
        output = self.run_tasks(payload("echo to-stdout; echo to-stderr >&2")).output()
        self.assertEqual([b"to-stderr", b"to-stdout"], sorted(output.split()))

    def test_output_comes_while_the_command_runs(self):
        worker = self.start(payload("echo first; sleep 60"))
        worker.wait_for(rb"(?m)^first$")
        self.assertIsNone(worker.process.poll())
        worker.signal(2)
        self.finish(worker, status=130)

    def test_lines_of_several_tasks_stay_whole(self):
        script = "i=0; while [ $i -lt 2000 ]; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; i=$((i + 1)); done; printf no-newline"
        result = self.run_tasks("--concurrency", "2", payload(script), payload(script))
        lines = result.out.split(b"\n")
        for name in (b"task1| ", b"task2| "):
            self.assertEqual(2000, lines.count(name + b"a" * 40))
            self.assertEqual(1, lines.count(name + b"no-newline"))
        self.assertEqual([b""], [line for line in lines if not line.startswith((b"task1| ", b"task2| "))])

    def test_reader_that_goes_away(self):
        path = self.write_task(payload("seq 1 1000000"))
        with subprocess.Popen([PROGRAM, "run", "--config", self.state.config, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            self.addCleanup(process.kill)
            process.stdout.read(1000)
            process.stdout.close()
            process.stdout = None
            err = process.communicate(timeout=60)[1]
        self.assertEqual((0, b""), (process.returncode, err))


if __name__ == "__main__":
    main()
