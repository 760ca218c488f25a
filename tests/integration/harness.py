"""What all tests with real machines share: the worker as a process, its state directories, images made from `tiny`.

The environment: TCW_PROGRAM the worker, TCW_SOURCE the source tree, TCW_TEST_STATE and TCW_TEST_CONFIG as tests/README.md says,
TCW_TEST_TIME_FACTOR (1) what limits of time are multiplied by on a slow machine.

Nothing here outlives its test: a worker that does not end in time is killed, and its machines, known by its process id in their names,
with it.
"""
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import tap

PROGRAM = os.environ.get("TCW_PROGRAM", "")
SOURCE = pathlib.Path(os.environ.get("TCW_SOURCE", "."))
FACTOR = float(os.environ.get("TCW_TEST_TIME_FACTOR", "1"))
USER = "taskcluster-worker"
IS_ROOT = os.geteuid() == 0

COMPLETED, FAILED, USAGE, MALFORMED, EXCEPTION, INTERRUPTED = 0, 1, 2, 3, 4, 130
MESSAGE = re.compile(rb"\[taskcluster(:error)? \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] ")


def note(text):
    """A line of diagnostics in the test's output."""
    print(f"# {text}", flush=True)


def wait_until(condition, seconds, what):
    """Polls until `condition` returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def machines_of(worker_pid):
    """Process ids of the machines that this worker started."""
    mark = f"guest=tcw-{worker_pid}-".encode()
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and any(a.startswith(mark) for a in command_line(p))]


def status_of(pid):
    """/proc/PID/status, as a dictionary."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def give_to_worker(folder):
    """As root the worker steps down to its own user, who must own what it writes to."""
    if not IS_ROOT:
        return
    entry = pwd.getpwnam(USER)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


class State:
    """A state directory of the worker and the configuration that names it."""

    def __init__(self, folder, config):
        self.folder = pathlib.Path(folder)
        self.config = pathlib.Path(config)

    @classmethod
    def shared(cls):
        """That of run-tests, which has the image tiny; None if there is none."""
        base = os.environ.get("TCW_TEST_STATE")
        config = os.environ.get("TCW_TEST_CONFIG")
        if not base or not config or not pathlib.Path(base, "state", "images", "tiny").is_dir():
            return None
        return cls(pathlib.Path(base, "state"), config)

    @classmethod
    def own(cls, parent, source, *, images=True, capabilities=True):
        """A new one below `parent`, with a copy of the image tiny of `source`, but without templates."""
        state = cls(parent / "s", parent / "config.yml")
        state.folder.mkdir(mode=0o755)
        copied = (("images/tiny",) if images else ()) + (("libvirt/capabilities", "accelerator.json") if capabilities else ())
        for name in copied:
            if (source.folder / name).is_dir():
                shutil.copytree(source.folder / name, state.folder / name, symlinks=True)
            elif (source.folder / name).exists():
                shutil.copy2(source.folder / name, state.folder / name)
        give_to_worker(state.folder)
        state.configure()
        return state

    def configure(self, **more):
        """Writes the configuration; `more` are its other keys."""
        self.config.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in
                                       {"stateDirectory": str(self.folder), **more}.items()), encoding="utf-8")

    def image(self, name="tiny"):
        """The folder of the image's current version."""
        folder = self.folder / "images" / name
        return folder / (folder / "current").read_text(encoding="utf-8").strip()

    def has_image(self, name):
        return (self.folder / "images" / name / "current").exists()

    def templates(self):
        """The folders of finished templates."""
        folder = self.folder / "templates"
        return sorted(p for p in folder.iterdir() if p.is_dir() and p.suffix != ".new") if folder.is_dir() else []

    def leftovers(self, worker_pid=None):
        """Files of machines, logs and half-made templates. With `worker_pid` only those with it in their names: there may be others."""
        if worker_pid is not None:
            # Other workers make and remove folders meanwhile, which os.walk() takes for empty.
            return [os.path.join(folder, name) for folder, folders, files in os.walk(self.folder) for name in folders + files
                    if name.startswith(f"tcw-{worker_pid}-")]
        patterns = ("vm/*/tcw-*", "vm/*/logs/*", "templates/*.new", "libvirt/**/*tcw-*")
        return [str(p) for pattern in patterns for p in self.folder.glob(pattern)]


@dataclasses.dataclass
class Result:
    """How a worker ended."""
    status: int
    out: bytes
    err: str
    seconds: float

    def messages(self):
        """The worker's own lines in the log, without their time."""
        return [MESSAGE.sub(b"", line).decode() for line in self.out.split(b"\n") if MESSAGE.match(line)]

    def output(self):
        """What the task itself wrote."""
        return b"".join(line for line in self.out.splitlines(keepends=True) if not MESSAGE.match(line))

    def log(self):
        return self.out.decode("utf-8", "replace")

    def show(self):
        out = self.out if len(self.out) < 6000 else self.out[:3000] + b"\n[...]\n" + self.out[-3000:]
        return f"status {self.status} after {self.seconds:.2f} s\n--- stdout\n{out.decode('utf-8', 'replace')}\n--- stderr\n{self.err}"


class Worker:
    """A worker that runs. What it writes is collected with the time of its arrival."""

    def __init__(self, arguments, *, stdin=None, environment=None, wrapper=()):
        self.begin = time.monotonic()
        self.process = subprocess.Popen([*wrapper, PROGRAM, *map(str, arguments)], stdin=stdin or subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(environment or {})},
                                        start_new_session=True)
        self.pid = self.process.pid
        self.changed = threading.Condition()
        self.pieces = {"out": [], "err": []}
        self.readers = [threading.Thread(target=self._read, args=(name, stream), daemon=True)
                        for name, stream in (("out", self.process.stdout), ("err", self.process.stderr))]
        for reader in self.readers:
            reader.start()

    def _read(self, name, stream):
        while piece := os.read(stream.fileno(), 1 << 20):
            with self.changed:
                self.pieces[name].append((time.time(), piece))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def text(self, name):
        with self.changed:
            return b"".join(piece for _, piece in self.pieces[name])

    def wait_for(self, pattern, seconds=30, name="out"):
        """Waits until what came matches; returns the match."""
        end = time.monotonic() + seconds * FACTOR
        match = None
        while not match and time.monotonic() < end:
            ended = not any(reader.is_alive() for reader in self.readers)
            with self.changed:
                match = re.search(pattern, b"".join(piece for _, piece in self.pieces[name]))
                if match or ended:
                    break
                self.changed.wait(0.1)
        if not match:
            self.kill()
            raise AssertionError(f"no {pattern!r} in std{name}:\n{self.finish(5).show()}")
        return match

    def signal(self, number):
        self.process.send_signal(number)

    def interrupt(self):
        """Ctrl-C, as a terminal sends it: to the whole group of processes."""
        os.killpg(self.pid, signal.SIGINT)

    def machines(self):
        return machines_of(self.pid)

    def kill(self):
        """The worker and its machines; for a test that has failed, and for cleaning up."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()
        for pid in self.machines():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def finish(self, seconds=60):
        """Waits for the end. Fails, with what it wrote, when that takes longer than `seconds`."""
        late = False
        try:
            self.process.wait(seconds * FACTOR)
        except subprocess.TimeoutExpired:
            late = True
            self.kill()
        ended = time.monotonic()
        for reader in self.readers:
            reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        result = Result(self.process.returncode, self.text("out"), self.text("err").decode("utf-8", "replace"), ended - self.begin)
        if late:
            raise AssertionError(f"not done after {seconds} s: {result.show()}")
        return result


@contextlib.contextmanager
def scratch():
    """A folder for one test or class, into which the worker's user may go."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="t"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def payload(script, **more):
    """A payload that runs `script` in the image tiny."""
    return {"image": "tiny", "command": ["sh", "-c", script], "maxRunTime": 120, **more}


def make_variant(state, parent, name, change, extra_initrd=b""):
    """An image in a folder of its own: tiny with a manifest that `change` may edit, and `extra_initrd` after its initramfs.

    Made of the same content it is the same image, so that its template in the shared state serves the next run of the tests too.
    """
    folder = parent / name
    folder.mkdir()
    for file in ("vmlinuz", "initrd"):
        shutil.copy(state.image() / file, folder / file)
    manifest = json.loads((state.image() / "image.json").read_text(encoding="utf-8"))
    if extra_initrd:
        with (folder / "initrd").open("ab") as initrd:
            initrd.write(extra_initrd)
        content = (folder / "initrd").read_bytes()
        manifest["files"]["initrd"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["name"] = name
    manifest["created"] = "2020-01-01T00:00:00Z"
    change(manifest)
    (folder / "image.json").write_text(json.dumps(manifest, sort_keys=True), encoding="utf-8")
    return folder


@contextlib.contextmanager
def small_file_system(folder, mebibytes):
    """A file system of its own in the new folder; skips the test where mounting is not permitted."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", folder], capture_output=True,
                             text=True, check=False, timeout=10)
    if mounted.returncode != 0:
        raise unittest.SkipTest(f"no mount is permitted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, timeout=10)


def make_disk_variant(state, parent, content):
    """tiny with a raw disk, whose tasks run as root."""
    def change(manifest):
        manifest["exec"].update(user="root", workdir="/root")
        manifest["files"]["disk.raw"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest["disk"] = {"file": "disk.raw", "format": "raw", "virtualSize": len(content)}
    folder = make_variant(state, parent, "tiny-disk", change)
    (folder / "disk.raw").write_bytes(content)
    return folder


def make_root_variant(state, parent):
    """tiny whose tasks run as root."""
    def change(manifest):
        manifest["exec"].update(user="root", workdir="/root")
    return make_variant(state, parent, "tiny-root", change)


class MachineTest(unittest.TestCase):
    """A test with a scratch folder, a state directory, and workers that are gone at its end."""
    longMessage = True
    state = State.shared()

    def setUp(self):
        self.folder = self.enter(scratch())
        self.n_tasks = 0

    def enter(self, context):
        """The context's value; it is left at the test's end."""
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def write_task(self, definition, name=None):
        """A file with the definition: a text as it is, anything else as JSON."""
        self.n_tasks += 1
        path = self.folder / (name or f"task{self.n_tasks}.json")
        path.write_text(definition if isinstance(definition, str) else json.dumps(definition), encoding="utf-8")
        return path

    def start(self, *arguments, state=None, **options):
        """Starts `run` with tasks (definitions or paths) and options (texts)."""
        words = [self.write_task(a) if isinstance(a, dict) else a for a in arguments]
        worker = Worker(["run", "--config", (state or self.state).config, *words], **options)
        self.addCleanup(worker.kill)
        return worker

    def run_tasks(self, *arguments, state=None, seconds=60, status=COMPLETED, **options):
        """The same, and waits for its end, which must be `status` and leave nothing."""
        worker = self.start(*arguments, state=state, **options)
        return self.finish(worker, status=status, seconds=seconds, state=state)

    def finish(self, worker, *, status, seconds=60, state=None):
        result = worker.finish(seconds)
        self.assertEqual(status, result.status, result.show())
        self.check_gone(worker, state)
        return result

    def check_gone(self, worker, state=None):
        self.assertEqual([], worker.machines(), "machines left")
        self.assertEqual([], (state or self.state).leftovers(worker.pid), "files left")

    def call(self, *arguments, seconds=30):
        """The program with any arguments; returns its result."""
        return Worker(arguments).finish(seconds)

    def check_message(self, result, pattern):
        """One of the worker's own lines in the log matches."""
        self.assertTrue(any(re.search(pattern, line) for line in result.messages()), f"no message {pattern!r} in {result.show()}")


def main():
    if not PROGRAM:
        sys.exit("TCW_PROGRAM must name the worker")
    if State.shared() is None:
        print("1..0 # SKIP no image: TCW_TEST_STATE and TCW_TEST_CONFIG, which run-tests sets, name no state with the image tiny")
        return
    tap.main()
