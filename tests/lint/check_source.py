"""The house rules that a program can check, on every source file: sizes, names, layers, and what is not used here.

    check_source.py FOLDER      checks the tree at FOLDER; prints FILE:LINE: RULE: WHY; exit status 1 if anything was found

CONTRIBUTING.md has the rules in words; test_check_source.py shows each one firing.
"""
import dataclasses
import os
import pathlib
import re
import sys

import c_tokens

FOLDERS = ("src", "engine-qemu", "guest-agent", "images", "scripts", "tests", "meson", "data", ".ci")
TOP_FILES = ("quickstart", "run-tests", "meson.build", "meson_options.txt")

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
MAX_NESTING = 4
MAX_PARAMETERS = 8
MAX_COLUMNS = 140

BANNED_WORDS = {
    "goto": "free by g_autoptr, or make the part a function",
    "strcpy": "use g_strlcpy or memcpy with a known length",
    "strcat": "use a GString",
    "sprintf": "use snprintf or g_strdup_printf",
    "vsprintf": "use vsnprintf or g_strdup_vprintf",
    "strtok": "use g_strsplit or strtok_r",
    "gets": "use fgets",
    "atoi": "use g_ascii_string_to_signed or strtol with its checks",
    "atol": "use g_ascii_string_to_signed or strtol with its checks",
    "system": "start the program with an argument vector",
    "popen": "start the program with an argument vector",
    "g_spawn_command_line_sync": "start the program with an argument vector",
    "g_spawn_command_line_async": "start the program with an argument vector",
    "tmpnam": "use mkstemp",
    "mktemp": "use mkstemp",
    "g_mktemp": "use g_mkstemp",
}
# Banned only where they are called; other uses of the word are names of fields.
CALLED_ONLY = frozenset(BANNED_WORDS) - {"goto"}
MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")

# What code and names in a folder begin with.
PREFIXES = (
    ("src/wire/", "tcw_wire_", ("tcw_wire_", "TcwWire")),
    ("src/", "tcw_", ("tcw_", "Tcw")),
    ("engine-qemu/", "tcw_qemu_", ("tcw_qemu_", "TcwQemu")),
    ("guest-agent/", "agent_", ("agent_", "Agent")),
)
FILE_NAMES = (("src/", "tcw-"), ("engine-qemu/", "tcw-"), ("guest-agent/", "agent-"))

# Lower layers come first; a file includes its own layer and lower ones. src/ itself (main) is the top.
LAYERS = ("wire", "base", "engine", "engine-qemu", "plugins", "queue", "gc", "host", "web", "worker", "cli", "main")
LIBC_ONLY = ("wire", "guest-agent")
NOT_LIBC = re.compile(r"<(glib|gio|gobject|json-glib|libvirt|libsoup|curl|yaml|libxml)")

# Class data of GObject, written once by class_init.
CLASS_DATA = re.compile(r"static (guint signals|GParamSpec \* (properties|props)) \[")


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    why: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.why}"


def check_text(path, text):
    """Rules for every file, whatever its language."""
    for number, line in enumerate(text.split("\n"), 1):
        if MARKERS.search(line):
            yield Finding(path, number, "marker", "finish it, or file an issue")
        if line != line.rstrip():
            yield Finding(path, number, "white-space", "blanks at the end of the line")
        if len(line) > MAX_COLUMNS and path.endswith((".c", ".h", ".py")):
            yield Finding(path, number, "columns", f"{len(line)} of at most {MAX_COLUMNS}")
    if not starts_with_comment(path, text):
        yield Finding(path, 1, "top-comment", "say first what this file owns")


def starts_with_comment(path, text):
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    if path.endswith((".c", ".h")):
        return text.startswith("/*")
    if path.endswith(".py"):
        return text.startswith(('"""', "#"))
    return text.startswith("#")


def check_banned(path, tokens):
    for i, token in enumerate(tokens):
        if token.kind == "directive":
            for word in re.findall(r"\w+(?=\s*\()", re.sub(r'"(\\.|[^"\\])*"', '""', token.text)):
                if word in CALLED_ONLY:
                    yield Finding(path, token.line, "banned", f"{word}: {BANNED_WORDS[word]}")
        elif token.kind == "word" and token.text in BANNED_WORDS:
            called = i + 1 < len(tokens) and tokens[i + 1].text == "("
            member = i > 0 and tokens[i - 1].text in (".", "->")
            if token.text not in CALLED_ONLY or (called and not member):
                yield Finding(path, token.line, "banned", f"{token.text}: {BANNED_WORDS[token.text]}")


def is_constant(declaration):
    """Whether the declared variable itself can't change: const stands after the last "*", or anywhere when there is none."""
    texts = [t.text for t in declaration]
    if "*" in texts:
        texts = texts[len(texts) - texts[::-1].index("*"):]
    return "const" in texts


def declaration_at(tokens, start):
    """The tokens of the variable declared from `start` up to its "=", "," or ";"; None when it is a function."""
    for i in range(start, len(tokens)):
        if tokens[i].text == "(":
            return tokens[start:c_tokens.matching(tokens, i)] if tokens[i + 1].text == "*" else None
        if tokens[i].text in ("=", ";", ",", "{"):
            return tokens[start:i]
    return None


def check_static(path, tokens):
    tokens = c_tokens.code_only(tokens)
    names = [t.text for t in tokens]
    for i, token in enumerate(tokens):
        if token.text != "static":
            continue
        declaration = declaration_at(tokens, i)
        if declaration is None or is_constant(declaration) or CLASS_DATA.match(" ".join(t.text for t in declaration)):
            continue
        if any(t.text == "GOnce" for t in declaration):
            continue
        if any(names[k - 3:k] == ["g_once_init_enter", "(", "&"] and names[k] == declaration[-1].text for k in range(3, len(names))):
            continue
        yield Finding(path, token.line, "static-variable", "keep it in an object that is passed in, or make it const")


def check_globals(path, statements):
    for statement in statements:
        texts = [t.text for t in statement]
        if len(texts) < 2 or texts[0] in ("typedef", "extern", "static", "_Static_assert") or "(" in texts:
            continue
        if texts[0] in ("struct", "union", "enum") and (len(texts) == 2 or texts[-1] == "{"):
            continue
        head = statement[:texts.index("=")] if "=" in texts else statement
        if not is_constant(head):
            yield Finding(path, statement[0].line, "global-variable", "keep it in an object that is passed in, or make it const")


def check_functions(path, functions):
    for function in functions:
        if function.length > MAX_FUNCTION_LINES:
            yield Finding(path, function.line, "function-size", f"{function.name}: {function.length} lines of at most {MAX_FUNCTION_LINES}")
        if function.parameters > MAX_PARAMETERS:
            yield Finding(path, function.line, "parameters", f"{function.name}: {function.parameters} of at most {MAX_PARAMETERS}")
        depth, line = c_tokens.block_depth(function.body)
        if depth > MAX_NESTING:
            yield Finding(path, line, "nesting", f"{function.name}: {depth} blocks deep, of at most {MAX_NESTING}")


def prefixes_of(path):
    return next(((functions, types) for folder, functions, types in PREFIXES if path.startswith(folder)), (None, None))


def check_names(path, statements, functions):
    function_prefix, type_prefixes = prefixes_of(path)
    if function_prefix is None:
        return
    name = path.rpartition("/")[2]
    file_prefix = next(prefix for folder, prefix in FILE_NAMES if path.startswith(folder))
    if name != "main.c" and not name.startswith(file_prefix):
        yield Finding(path, 1, "prefix", f"the file's name does not begin with {file_prefix}")
    for function in functions:
        if not function.static and function.name != "main" and not function.name.startswith(function_prefix):
            yield Finding(path, function.line, "prefix", f"{function.name} does not begin with {function_prefix}")
    for statement in statements if path.endswith(".h") else ():
        name = typedef_name(statement)
        if name is not None and not name.text.startswith(type_prefixes):
            yield Finding(path, name.line, "prefix", f"{name.text} does not begin with {' or '.join(type_prefixes)}")


def typedef_name(statement):
    """The token of the name that a typedef gives; None for other statements."""
    if not statement or statement[0].text != "typedef":
        return None
    for i, token in enumerate(statement):
        if token.text == "(" and statement[i + 1].text == "*":
            return statement[i + 2]
    words = [t for t in statement if t.kind == "word"]
    return words[-1]


def layer_of(path):
    if path.startswith("src/"):
        rest = path[len("src/"):]
        return rest.split("/")[0] if "/" in rest else "main"
    folder = path.split("/")[0]
    return folder if folder in ("engine-qemu", "guest-agent") else None


def check_includes(path, tokens):
    layer = layer_of(path)
    if layer is None:
        return
    for token in tokens:
        match = re.match(r"\s*#\s*include\s+(\S+)", token.text) if token.kind == "directive" else None
        if match is None:
            continue
        target = match.group(1)
        if layer in LIBC_ONLY and NOT_LIBC.match(target):
            yield Finding(path, token.line, "layer", f"{layer} uses the C library only")
        inner = re.match(r'"([\w-]+)/', target)
        if inner is None:
            continue
        if layer == "guest-agent":
            allowed = ("wire", "guest-agent")
        elif layer in LAYERS:
            allowed = LAYERS[:LAYERS.index(layer) + 1]
        else:
            yield Finding(path, token.line, "layer", f"src/{layer} has no place in the order of layers; see check_source.py")
            return
        if inner.group(1) not in allowed:
            yield Finding(path, token.line, "layer", f"{layer} must not know {inner.group(1)}")


def check_file(path, text):
    """All findings in one file, whose path is relative to the tree; sorted."""
    findings = list(check_text(path, text))
    if path.endswith((".c", ".h")):
        lines = text.count("\n")
        if path.endswith(".c") and lines > MAX_FILE_LINES:
            findings.append(Finding(path, lines, "file-size", f"{lines} lines of at most {MAX_FILE_LINES}"))
        tokens = c_tokens.tokenize(text)
        if path.endswith(".h") and not any(re.match(r"#\s*pragma\s+once\b", t.text) for t in tokens if t.kind == "directive"):
            findings.append(Finding(path, 1, "pragma-once", "a header needs it"))
        statements, functions = c_tokens.split_file(tokens)
        findings += check_banned(path, tokens)
        findings += check_static(path, tokens)
        findings += check_globals(path, statements)
        findings += check_functions(path, functions)
        findings += check_names(path, statements, functions)
        findings += check_includes(path, tokens)
    return sorted(findings)


def is_source(path):
    if path.endswith((".c", ".h", ".py", ".sh")) or path.rpartition("/")[2] in ("meson.build", "meson_options.txt"):
        return True
    return path in TOP_FILES or path.startswith(".ci/")


def source_files(root):
    """Paths relative to `root`, sorted."""
    found = [name for name in TOP_FILES if (root / name).is_file()]
    for folder in FOLDERS:
        for parent, _, names in os.walk(root / folder):
            found += [str((pathlib.Path(parent) / name).relative_to(root)) for name in names]
    return sorted(path for path in found if is_source(path))


def check_translations(root, files):
    """po/POTFILES has each source with text for people, and nothing else."""
    translated = {path for path in files if path.startswith(("src/", "engine-qemu/")) and path.endswith(".c")
                  and re.search(r"\b[NCQ]?_ ?\(\s*\"|\bngettext ?\(", (root / path).read_text(encoding="utf-8"))}
    listed = {line for line in (root / "po" / "POTFILES").read_text(encoding="utf-8").split("\n") if line and not line.startswith("#")}
    for path in sorted(translated - listed):
        yield Finding("po/POTFILES", 1, "translations", f"{path} is missing")
    for path in sorted(listed - translated):
        yield Finding("po/POTFILES", 1, "translations", f"{path} has no text for people")


def main():
    root = pathlib.Path(sys.argv[1])
    findings, count, lines = [], 0, 0
    files = source_files(root)
    for path in files:
        text = (root / path).read_text(encoding="utf-8")
        findings += check_file(path, text)
        count += 1
        lines += text.count("\n")
    findings += check_translations(root, files)
    for finding in findings:
        print(finding)
    print(f"{count} files, {lines} lines, {len(findings)} findings")
    if count == 0:
        print("nothing was checked: wrong folder?")
    sys.exit(1 if findings or count == 0 else 0)


if __name__ == "__main__":
    main()
