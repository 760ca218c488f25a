"""Each rule of check_source.py fires where it must, and only there."""
import pathlib
import sys
import tempfile
import unittest

import check_source
import c_tokens
import tap

TOP = "/* Owns it. */\n"


def rules(path, text):
    return [finding.rule for finding in check_source.check_file(path, text)]


def body(lines):
    return "static void\nf (void)\n{\n" + lines + "}\n"


class Rules(unittest.TestCase):
    def assert_fires(self, rule, text, path="src/base/tcw-x.c"):
        self.assertIn(rule, rules(path, TOP + text))

    def assert_clean(self, text, path="src/base/tcw-x.c"):
        self.assertEqual([], [str(f) for f in check_source.check_file(path, TOP + text)])

    def test_file_size(self):
        self.assert_fires("file-size", "\n" * 600)
        self.assert_clean("\n" * 599)
        self.assert_clean("#pragma once\n" + "\n" * 700, "src/base/tcw-x.h")

    def test_function_size(self):
        self.assert_fires("function-size", body("  x ();\n" * 59))
        self.assert_clean(body("  x ();\n" * 58))

    def test_function_size_counts_braces_in_text_as_text(self):
        self.assert_fires("function-size", body('  x ("}");\n  y (\'}\'); /* } */\n' + "  x ();\n" * 58))

    def test_parameters(self):
        self.assert_fires("parameters", "static void\nf (int a, int b, int c, int d, int e, int g, int h, int i, int j)\n{\n}\n")
        self.assert_clean("static void\nf (int a, int b, int c, int d, int e, int g, int h, void (*i) (int, int))\n{\n}\n")

    def test_nesting(self):
        def nested(depth):
            return body("".join("  if (x (1))\n    {\n" for _ in range(depth)) + "    }\n" * depth)
        self.assert_fires("nesting", nested(5))
        self.assert_clean(nested(4))

    def test_nesting_counts_every_kind_of_block(self):
        self.assert_fires("nesting", body("  do { for (;;) { while (1) { switch (x) { case 1: { y (); } } } } } while (0);\n"))

    def test_nesting_leaves_initialisers_out(self):
        self.assert_clean(body("  if (x) { struct a y[] = { { { { { 1 } } } } }; z ((struct b) { .c = { { { 1 } } } }); }\n"))

    def test_else_if_is_no_nesting(self):
        self.assert_clean(body("  if (a) { }\n" + "  else if (b) { }\n" * 9))

    def test_goto(self):
        self.assert_fires("banned", body("  goto out;\n"))

    def test_banned_functions(self):
        for name in sorted(check_source.CALLED_ONLY):
            with self.subTest(name=name):
                self.assert_fires("banned", body(f"  {name} (x);\n"))
                self.assert_fires("banned", f"#define RUN(x) {name} (x)\n")

    def test_banned_names_elsewhere(self):
        self.assert_clean(body('  x.system = 1;\n  y->system (z);\n'
                               '  puts ("goto system (x)"); /* goto sprintf () */\n  g_strlcpy_system (a);\n'))

    def test_markers(self):
        for marker in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
            with self.subTest(marker=marker):
                self.assert_fires("marker", f"/* {marker}: later */\n")
                self.assertIn("marker", rules("scripts/a.sh", f"# Owns it. {marker}\n"))
        self.assert_clean('/* mkstemp ("/tmp/XXXXXX") */\n')

    def test_static_variables(self):
        for declaration in ("static int n;", "static int n = 1;", "static char *name;", "static const char *name = 0;",
                            "static const char *names[] = { 0 };", "static struct a b = { 0 };", "static GHashTable *t = NULL, *u;",
                            "static void (*hook) (void);", "static gsize once = 0;", "static _Thread_local int n;", "static GMutex lock;"):
            with self.subTest(declaration=declaration):
                self.assert_fires("static-variable", declaration + "\n")
                self.assert_fires("static-variable", body(declaration + "\n"))

    def test_static_constants(self):
        for declaration in ("static const int n = 1;", "static const char name[] = \"x\";", "static const char *const names[] = { 0 };",
                            "static const struct a b = { 0 };", "static char *const p = 0;", "static GOnce once = G_ONCE_INIT;",
                            "static guint signals[N_SIGNALS];", "static GParamSpec *properties[N_PROPERTIES];",
                            "static void f (int a);", "static const char *f (void);", "static void (f) (void);"):
            with self.subTest(declaration=declaration):
                self.assert_clean(declaration + "\n")

    def test_static_once(self):
        self.assert_clean(body("  static gsize once = 0;\n  if (g_once_init_enter (&once)) g_once_init_leave (&once, 1);\n"))

    def test_global_variables(self):
        for declaration in ("int n;", "int n = 1;", "struct a b;", "char *name = 0;", "const char *names[] = { 0 };"):
            with self.subTest(declaration=declaration):
                self.assert_fires("global-variable", declaration + "\n")
        for declaration in ("const int n = 1;", "extern int n;", "struct a;", "struct a { int b; };", "enum { A, B = 1 };",
                            "typedef struct { int a; } TcwA;", "int f (void);", "G_DEFINE_QUARK (tcw-error-quark, tcw_error)"):
            with self.subTest(declaration=declaration):
                self.assert_clean(declaration + "\n")

    def test_top_comment(self):
        self.assertIn("top-comment", rules("src/base/tcw-x.c", "#include <a.h>\n/* Late. */\n"))
        self.assertIn("top-comment", rules("scripts/a.sh", "#!/bin/sh\nset -e\n"))
        self.assertIn("top-comment", rules("tests/a.py", "import os\n"))
        self.assertIn("top-comment", rules("src/meson.build", "x = 1\n"))
        self.assertEqual([], rules("scripts/a.sh", "#!/bin/sh\n# Owns it.\n"))
        self.assertEqual([], rules("tests/a.py", '#!/usr/bin/python3\n"""Owns it."""\n'))

    def test_pragma_once(self):
        self.assert_fires("pragma-once", "#ifndef A\n#define A\n#endif\n", "src/base/tcw-x.h")
        self.assert_clean("#pragma once\n", "src/base/tcw-x.h")

    def test_columns_and_white_space(self):
        self.assert_fires("columns", "/*" + "x" * 139 + "*/\n")
        self.assert_clean("/*" + "x" * 136 + "*/\n")
        self.assert_fires("white-space", "int f (void); \n")

    def test_function_prefix(self):
        for path, good in (("src/base/tcw-x.c", "tcw_x"), ("src/wire/tcw-wire-x.c", "tcw_wire_x"),
                           ("engine-qemu/tcw-qemu-x.c", "tcw_qemu_x"), ("guest-agent/agent-x.c", "agent_x")):
            with self.subTest(path=path):
                self.assert_fires("prefix", "void\nx (void)\n{\n}\n", path)
                self.assert_clean(f"void\n{good} (void)\n{{\n}}\nstatic void\nx (void)\n{{\n}}\nint\nmain (void)\n{{\n}}\n", path)
        self.assert_fires("prefix", "void\ntcw_x (void)\n{\n}\n", "engine-qemu/tcw-qemu-x.c")

    def test_prefix_behind_a_macro(self):
        text = "G_DEFINE_TYPE (TcwX, tcw_x, G_TYPE_OBJECT)\n\nG_GNUC_PRINTF (1, 2) void\n%s (const char *f)\n{\n}\n"
        self.assert_clean(text % "tcw_x")
        self.assert_fires("prefix", text % "other")

    def test_type_prefix(self):
        for good, bad in (("typedef struct _TcwX TcwX;", "typedef struct _X X;"), ("typedef enum { A } TcwE;", "typedef enum { A } E;"),
                          ("typedef int (*TcwF) (int a);", "typedef int (*F) (int a);")):
            self.assert_clean("#pragma once\n" + good + "\n", "src/base/tcw-x.h")
            self.assert_fires("prefix", "#pragma once\n" + bad + "\n", "src/base/tcw-x.h")

    def test_file_prefix(self):
        self.assert_fires("prefix", "", "src/base/x.c")
        self.assert_fires("prefix", "", "guest-agent/tcw-x.c")
        self.assert_clean("", "src/main.c")

    def test_layers(self):
        for path, include in (("src/base/tcw-x.c", "engine/tcw-engine.h"), ("src/engine/tcw-x.c", "worker/tcw-run.h"),
                              ("engine-qemu/tcw-qemu-x.c", "plugins/env/tcw-env.h"), ("src/wire/tcw-wire-x.c", "base/tcw-json.h"),
                              ("guest-agent/agent-x.c", "base/tcw-json.h"), ("src/queue/tcw-x.c", "cli/tcw-cli.h")):
            with self.subTest(path=path):
                self.assert_fires("layer", f'#include "{include}"\n', path)
        for path, include in (("src/engine/tcw-x.c", "base/tcw-json.h"), ("engine-qemu/tcw-qemu-x.c", "engine/tcw-engine.h"),
                              ("guest-agent/agent-x.c", "wire/tcw-wire-codec.h"), ("src/cli/tcw-x.c", "worker/tcw-run.h"),
                              ("src/main.c", "cli/tcw-cli.h"), ("src/base/tcw-x.c", "base/tcw-fs.h"), ("tests/x.c", "cli/a.h")):
            with self.subTest(path=path):
                self.assert_clean(f'#include "{include}"\n', path)

    def test_unknown_layer(self):
        self.assert_fires("layer", '#include "base/tcw-fs.h"\n', "src/misc/tcw-x.c")

    def test_libc_only(self):
        self.assert_fires("layer", "#include <glib.h>\n", "src/wire/tcw-wire-x.c")
        self.assert_fires("layer", "# include <gio/gio.h>\n", "guest-agent/agent-x.c")
        self.assert_clean("#include <string.h>\n", "guest-agent/agent-x.c")

    def test_line_of_a_finding(self):
        found = check_source.check_file("src/base/tcw-x.c", TOP + '/* a\n b */\n#define A \\\n  1\n"s";\n' + body("  goto x;\n"))
        self.assertEqual([10], [f.line for f in found if f.rule == "banned"])


class Tree(unittest.TestCase):
    def test_tree_is_walked(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path in ("src/a/b.c", "quickstart", "tests/x/meson.build", "build/c.c", "docs/d.c", "src/README.md", ".ci/run"):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text("x", encoding="utf-8")
            self.assertEqual([".ci/run", "quickstart", "src/a/b.c", "tests/x/meson.build"], check_source.source_files(root))


class Translations(unittest.TestCase):
    def test_list_of_sources(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in (("src/a.c", 'x (_("a"));'), ("src/b.c", "x (y_ (1));"), ("src/c.c", '{ N_ ("c") }'),
                               ("po/POTFILES", "src/b.c\nsrc/c.c\n")):
                (root / path).parent.mkdir(exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            found = [f.why for f in check_source.check_translations(root, check_source.source_files(root))]
            self.assertEqual(["src/a.c is missing", "src/b.c has no text for people"], found)


class Tokens(unittest.TestCase):
    def test_nothing_is_lost(self):
        text = pathlib.Path(c_tokens.__file__).read_text(encoding="utf-8") + "\n'a' \"b\\\"c\" 0x1.8p-3 a->b ..."
        joined = "".join(t.text for t in c_tokens.tokenize(text))
        self.assertEqual("".join(joined.split()), "".join(text.split()))

    def test_functions(self):
        text = "__attribute__ ((noreturn)) static void f (int a[2], char *b) { if (a) { } }\n"
        text += "int (*g (void)) (int);\nint h (void) { return 1; }"
        statements, functions = c_tokens.split_file(c_tokens.tokenize(text))
        self.assertEqual([("f", True, 2), ("h", False, 0)], [(f.name, f.static, f.parameters) for f in functions])
        self.assertEqual(1, len(statements))


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    tap.main()
