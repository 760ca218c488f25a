"""Runs a static checker over the sources of a build, file by file, in parallel; fails when it reports anything.

    analyse.py TOOL SOURCE-FOLDER BUILD-FOLDER [FOLDER...]

TOOL is clang-tidy, cppcheck or gcc-analyzer. With FOLDERs, only sources below them. What compile_commands.json of the build says is
what is checked. A file that passed is remembered in BUILD-FOLDER/lint-cache, under the digest of everything that the verdict depends
on (source, its headers in the tree, flags, tool, configuration), so that only what changed is checked again.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time

LIMIT_SECONDS = 300
STATUS_SKIPPED = 77

# Flags of gcc 12 that clang 14 refuses; unknown warnings it only has to be told to ignore.
CLANG_REFUSES = ("-fzero-call-used-regs", "-ftrivial-auto-var-init", "-specs", "-fanalyzer", "-fno-delete-null-pointer-checks")
DROPPED_WITH_VALUE = ("-o", "-MF", "-MQ", "-MT", "-specs")
DROPPED = ("-c", "-MD", "-MMD", "-pipe")
# Code without GLib must not recurse either. clang 14 and cppcheck don't know variables that clean up after themselves: their reports of
# leaks and dead stores are off; the sanitizers, and for code without GLib gcc's analyzer, find those.
LIBC_ONLY = ("src/wire", "guest-agent")
CHECKS = "-clang-analyzer-unix.Malloc,-clang-analyzer-deadcode.DeadStores"
CHECKS_LIBC = CHECKS + ",misc-no-recursion"
CPPCHECK = (
    "cppcheck", "--quiet", "--std=c11", "--language=c", "--library=gtk", "--library=posix", "--library=gnu", "--inline-suppr",
    "--enable=warning,performance,portability", "--error-exitcode=1", "--template=gcc", "--suppress=missingInclude",
    "--suppress=missingIncludeSystem", "--suppress=unknownMacro", "--suppress=readdirCalled",
    "--suppress=resourceLeak",
)


class Unit:
    """One source file and the flags that it is compiled with, without those for its output."""

    def __init__(self, entry):
        self.folder = pathlib.Path(entry["directory"])
        self.path = pathlib.Path(os.path.normpath(self.folder / entry["file"]))
        arguments = entry.get("arguments") or shlex.split(entry["command"])
        self.compiler = arguments[0]
        self.flags = list(self._flags(arguments[1:], entry["file"]))

    @staticmethod
    def _flags(arguments, source):
        skip = False
        for argument in arguments:
            if skip or argument in DROPPED or argument == source:
                skip = False
            elif argument in DROPPED_WITH_VALUE:
                skip = True
            else:
                yield argument

    def headers(self, root):
        """The files that it includes and that belong to the tree or the build."""
        text = self.run([self.compiler, *self.flags, "-MM", str(self.path)]).stdout
        names = text.replace("\\\n", " ").partition(":")[2].split()
        paths = {pathlib.Path(os.path.normpath(self.folder / name)) for name in names}
        return sorted(p for p in paths if p.is_relative_to(root) or p.is_relative_to(self.folder))

    def run(self, command):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)


def read_units(build, source, folders):
    """One unit for each source file of the tree; a file that is compiled several times is checked as it is compiled first."""
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    units = {}
    for entry in entries:
        unit = Unit(entry)
        inside = any(unit.path.is_relative_to(source / folder) for folder in folders or ["."])
        if unit.path.suffix == ".c" and inside and not unit.path.is_relative_to(build):
            units.setdefault(unit.path, unit)
    return [units[path] for path in sorted(units)]


def clang_tidy(unit, source):
    flags = [flag for flag in unit.flags if not flag.startswith(CLANG_REFUSES)]
    libc = any(unit.path.is_relative_to(source / folder) for folder in LIBC_ONLY)
    return ["clang-tidy", "--quiet", f"--config-file={source / '.clang-tidy'}", f"--checks={CHECKS_LIBC if libc else CHECKS}",
            str(unit.path), "--", *flags, "-Wno-unknown-warning-option", "-Wno-ignored-optimization-argument",
            "-Wno-unused-command-line-argument", "-Wno-gnu-zero-variadic-macro-arguments"]


def cppcheck(unit, source):
    own = [flag for flag in unit.flags if flag.startswith("-D")]
    return [*CPPCHECK, *own, f"-I{source / 'src'}", str(unit.path)]


def gcc_analyzer(unit, _):
    return ["gcc", *unit.flags, "-fanalyzer", "-Werror", "-S", "-o", "/dev/null", str(unit.path)]


TOOLS = {
    "clang-tidy": (clang_tidy, ["clang-tidy", "--version"]),
    "cppcheck": (cppcheck, ["cppcheck", "--version"]),
    "gcc-analyzer": (gcc_analyzer, ["gcc", "--version"]),
}


class Checker:
    """A tool, and the memory of what it accepted."""

    def __init__(self, tool, source, build):
        self.command, version = TOOLS[tool]
        self.source = source
        self.cache = build / "lint-cache" / tool
        self.cache.mkdir(parents=True, exist_ok=True)
        self.base = [subprocess.run(version, capture_output=True, check=True).stdout,
                     subprocess.run(["pkg-config", "--modversion", "glib-2.0", "libvirt"], capture_output=True, check=False).stdout]
        if tool == "clang-tidy":
            self.base.append((source / ".clang-tidy").read_bytes())

    def digest(self, unit, command):
        key = hashlib.sha256()
        for part in [*self.base, repr(command).encode(), *(p.read_bytes() for p in unit.headers(self.source))]:
            key.update(hashlib.sha256(part).digest())
        return key.hexdigest()

    def check(self, unit):
        """(unit, report, whether it was known): the report is empty for a file that passes."""
        command = self.command(unit, self.source)
        mark = self.cache / self.digest(unit, command)
        if mark.exists():
            mark.touch()
            return unit, "", True
        try:
            result = unit.run(command)
        except subprocess.TimeoutExpired:
            return unit, f"not done after {LIMIT_SECONDS} s\n", False
        if result.returncode == 0:
            mark.touch()
            return unit, "", False
        return unit, result.stdout + result.stderr or f"exit status {result.returncode}\n", False

    def forget_old(self):
        """Verdicts that nothing asked for in a month."""
        for mark in self.cache.iterdir():
            if time.time() - mark.stat().st_mtime > 30 * 86400:
                mark.unlink()


def main():
    tool, source, build = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    program = TOOLS[tool][1][0]
    if shutil.which(program) is None:
        print(f"{program} is not installed")
        sys.exit(STATUS_SKIPPED)
    units = read_units(build, source, sys.argv[4:])
    checker = Checker(tool, source, build)
    start, failed, known = time.monotonic(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for unit, report, was_known in pool.map(checker.check, units):
            known += was_known
            if report:
                failed += 1
                print(f"== {unit.path.relative_to(source)}\n{report}", flush=True)
    checker.forget_old()
    print(f"{tool}: {len(units)} files ({known} unchanged), {failed} with findings, {time.monotonic() - start:.0f} s")
    sys.exit(1 if failed or not units else 0)


if __name__ == "__main__":
    main()
