"""Runs shellcheck over every shell script of the tree; fails when it finds anything, or when there is no script.

    check_shell.py FOLDER
"""
import pathlib
import re
import shutil
import subprocess
import sys

import check_source

# Files read with "." are found by their own path, and set variables for each other; programs for others stand in single quotes.
OPTIONS = ("--shell=sh", "--external-sources", "--source-path=SCRIPTDIR", "--severity=style",
           "--exclude=SC1090,SC1091,SC2016,SC2034,SC2154")


def is_script(path):
    """By its first line, or by its name: the parts that are read with "." have no first line."""
    with open(path, encoding="utf-8") as file:
        return re.match(r"#!.*\bsh\b", file.readline()) is not None or path.suffix == ".sh"


def main():
    root = pathlib.Path(sys.argv[1])
    scripts = [root / path for path in check_source.source_files(root) if is_script(root / path)]
    if not scripts:
        sys.exit("no script was found: wrong folder?")
    if shutil.which("shellcheck") is None:
        print("shellcheck is not installed")
        sys.exit(77)
    print(f"{len(scripts)} scripts")
    sys.exit(subprocess.run(["shellcheck", *OPTIONS, *scripts], check=False).returncode)


if __name__ == "__main__":
    main()
