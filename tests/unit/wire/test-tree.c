/* Tests of trees: there and back through every split, and what a hostile one would be. */
#include <stdlib.h>

#include "tcw-test.h"
#include "wire-assert.h"
#include "wire/tcw-wire-tree.h"

static void
add (GByteArray *tree, const guint8 *bytes, gsize size)
{
  g_assert_cmpuint (size, >, 0);
  g_byte_array_append (tree, bytes, (guint) size);
}

static void
add_entry (GByteArray *tree, const char *path, TcwWireTreeType type, const char *link)
{
  TcwWireTreeEntry entry = { .path = path, .type = type, .mode = 0750, .size = 77, .mtime_ns = -5, .link = link };
  guint8 bytes[TCW_WIRE_TREE_HEAD_MAX];

  add (tree, bytes, tcw_wire_tree_put_entry (bytes, sizeof bytes, &entry));
}

static void
add_data (GByteArray *tree, const char *text)
{
  guint8 bytes[16];

  add (tree, bytes, tcw_wire_tree_put_data (bytes, sizeof bytes, (guint32) strlen (text)));
  g_byte_array_append (tree, (const guint8 *) text, (guint) strlen (text));
}

/* What a decoder makes of @tree in portions of @step bytes, in words; ends with "!" and the problem when it is broken. */
static char *
decode (const GByteArray *tree, gsize step)
{
  g_autofree TcwWireTreeDecoder *decoder = g_new (TcwWireTreeDecoder, 1);
  GString *text = g_string_new (NULL);
  gsize at = 0;

  tcw_wire_tree_decoder_init (decoder);
  while (at < tree->len)
    {
      gsize size = MIN (step, tree->len - at);
      g_autofree guint8 *part = g_memdup2 (tree->data + at, size);
      TcwWireTreeItem item;
      size_t used;
      TcwWireTreeResult result = tcw_wire_tree_decoder_feed (decoder, part, size, &used, &item);

      at += used;
      if (result == TCW_WIRE_TREE_BROKEN)
        {
          g_string_append_printf (text, "!%s", tcw_wire_tree_decoder_get_problem (decoder));
          break;
        }
      if (result == TCW_WIRE_TREE_MORE)
        continue;
      if (item.kind == TCW_WIRE_TREE_ENTRY)
        g_string_append_printf (text, "[%d %s %o %s]", (int) item.entry.type, item.entry.path, item.entry.mode, item.entry.link);
      else if (item.kind == TCW_WIRE_TREE_DATA)
        g_string_append_len (text, (const char *) item.data, (gssize) item.length);
      else if (item.kind == TCW_WIRE_TREE_HOLE)
        g_string_append_printf (text, "<%" G_GUINT64_FORMAT ">", item.hole);
      else if (item.kind == TCW_WIRE_TREE_END)
        g_string_append (text, ";");
      else if (item.kind == TCW_WIRE_TREE_FINISH)
        g_string_append (text, ".");
      else
        g_string_append_printf (text, "(%u %s)", item.status, item.message);
    }
  if (tcw_wire_tree_decoder_is_finished (decoder))
    g_string_append (text, " finished");
  return g_string_free (text, FALSE);
}

static void
test_round_trip (void)
{
  g_autoptr (GByteArray) tree = g_byte_array_new ();
  guint8 bytes[64];

  add_entry (tree, "", TCW_WIRE_TREE_FOLDER, "");
  add_entry (tree, "a", TCW_WIRE_TREE_FOLDER, "");
  add_entry (tree, "a/b", TCW_WIRE_TREE_FOLDER, "");
  add_entry (tree, "a/b/c", TCW_WIRE_TREE_FILE, "");
  add_data (tree, "content");
  add (tree, bytes, tcw_wire_tree_put_hole (bytes, sizeof bytes, 5000000000));
  add_data (tree, "end");
  add (tree, bytes, tcw_wire_tree_put_end (bytes, sizeof bytes));
  add_entry (tree, "a/d", TCW_WIRE_TREE_LINK, "/etc");
  add (tree, bytes, tcw_wire_tree_put_warning (bytes, sizeof bytes, 5, "not this"));
  add_entry (tree, "e", TCW_WIRE_TREE_FILE, "");
  add (tree, bytes, tcw_wire_tree_put_end (bytes, sizeof bytes));
  add (tree, bytes, tcw_wire_tree_put_finish (bytes, sizeof bytes));
  for (gsize step = 1; step <= tree->len; step++)
    {
      g_autofree char *text = decode (tree, step);

      g_assert_cmpstr (text, ==,
                       "[2  750 ][2 a 750 ][2 a/b 750 ][1 a/b/c 750 ]content<5000000000>end;[3 a/d 750 /etc](5 not this)"
                       "[1 e 750 ];. finished");
    }
}

static void
test_paths (void)
{
  static const char *const good[] = { "", "a", "a/b", "...", "a..b", ".a", "..a", "a b" };
  static const char *const bad[] = { "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..", "../a", "./a", "a/../b" };
  g_autofree char *long_name = g_strnfill (256, 'x');
  g_autoptr (GString) deep = g_string_new ("d");

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (tcw_wire_tree_path_is_plain (good[i], strlen (good[i])));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (tcw_wire_tree_path_is_plain (bad[i], strlen (bad[i])));
  g_assert_false (tcw_wire_tree_path_is_plain ("a\0b", 3));
  g_assert_false (tcw_wire_tree_path_is_plain (long_name, 256));
  g_assert_true (tcw_wire_tree_path_is_plain (long_name, 255));
  for (guint i = 1; i < TCW_WIRE_TREE_DEPTH_MAX; i++)
    g_string_append (deep, "/d");
  g_assert_true (tcw_wire_tree_path_is_plain (deep->str, deep->len));
  g_string_append (deep, "/d");
  g_assert_false (tcw_wire_tree_path_is_plain (deep->str, deep->len));
}

/* Below a link, outside of the tree, twice the root, below a folder that was left: all refused. */
static void
test_places (void)
{
  static const struct
  {
    const char *first;
    TcwWireTreeType type;
    const char *second;
  } cases[] = {
    { "a", TCW_WIRE_TREE_LINK, "a/b" },   { "a", TCW_WIRE_TREE_FILE, "a/b" }, { "a", TCW_WIRE_TREE_FOLDER, "ab/c" },
    { "a", TCW_WIRE_TREE_FOLDER, "b/c" }, { "a", TCW_WIRE_TREE_FOLDER, "" },  { "a/b", TCW_WIRE_TREE_FOLDER, "x" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) tree = g_byte_array_new ();
      g_autofree char *text = NULL;
      guint8 bytes[8];

      add_entry (tree, "", TCW_WIRE_TREE_FOLDER, "");
      add_entry (tree, cases[i].first, cases[i].type, cases[i].type == TCW_WIRE_TREE_LINK ? "/etc" : "");
      if (cases[i].type == TCW_WIRE_TREE_FILE)
        add (tree, bytes, tcw_wire_tree_put_end (bytes, sizeof bytes));
      add_entry (tree, cases[i].second, TCW_WIRE_TREE_FILE, "");
      text = decode (tree, G_MAXSIZE);
      g_assert_true (g_str_has_suffix (text, "!an entry does not lie in a folder that has just been sent"));
    }
}

/* A link that takes a folder's place: what would lie below it is refused. */
static void
test_replaced_folder (void)
{
  g_autoptr (GByteArray) tree = g_byte_array_new ();
  g_autofree char *text = NULL;

  add_entry (tree, "", TCW_WIRE_TREE_FOLDER, "");
  add_entry (tree, "a", TCW_WIRE_TREE_FOLDER, "");
  add_entry (tree, "a", TCW_WIRE_TREE_LINK, "/etc");
  add_entry (tree, "a/passwd", TCW_WIRE_TREE_FILE, "");
  text = decode (tree, G_MAXSIZE);
  g_assert_nonnull (strchr (text, '!'));
}

static void
test_single_file (void)
{
  g_autoptr (GByteArray) tree = g_byte_array_new ();
  g_autofree char *text = NULL;
  g_autofree char *more = NULL;
  guint8 bytes[8];

  add_entry (tree, "", TCW_WIRE_TREE_FILE, "");
  add_data (tree, "x");
  add (tree, bytes, tcw_wire_tree_put_end (bytes, sizeof bytes));
  add (tree, bytes, tcw_wire_tree_put_finish (bytes, sizeof bytes));
  text = decode (tree, 3);
  g_assert_cmpstr (text, ==, "[1  750 ]x;. finished");
  g_byte_array_set_size (tree, tree->len - 1);
  add_entry (tree, "a", TCW_WIRE_TREE_FILE, "");
  more = decode (tree, G_MAXSIZE);
  g_assert_nonnull (strstr (more, "!an entry does not lie"));
}

/* Whole items that must not come as the first one, or not after a folder. */
static void
test_grammar (void)
{
  static const struct
  {
    guint8 bytes[24];
    gsize size;
    const char *problem;
  } cases[] = {
    { { 0 }, 1, "no known kind" },
    { { 8 }, 1, "no known kind" },
    { { TCW_WIRE_TREE_DATA, 1, 0, 0, 0, 'x' }, 6, "outside of a file" },
    { { TCW_WIRE_TREE_HOLE, 1, 0, 0, 0, 0, 0, 0, 0 }, 9, "outside of a file" },
    { { TCW_WIRE_TREE_DATA, 0, 0, 0x20, 0 }, 5, "too long" },
    { { TCW_WIRE_TREE_END }, 1, "outside of one" },
    { { TCW_WIRE_TREE_ERROR, 1, 0, 0, 0, 0xff, 0xff }, 7, "too long" },
    { { TCW_WIRE_TREE_ERROR, 1, 0, 0, 0, 1, 0, 0 }, 8, "NUL" },
    { { TCW_WIRE_TREE_FINISH, TCW_WIRE_TREE_FINISH }, 2, "after the end" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) tree = g_byte_array_new ();
      g_autofree char *text = NULL;

      add_entry (tree, "", TCW_WIRE_TREE_FOLDER, "");
      g_byte_array_append (tree, cases[i].bytes, (guint) cases[i].size);
      text = decode (tree, G_MAXSIZE);
      g_assert_nonnull (strstr (text, cases[i].problem));
    }
}

/* Content of 2^63 bytes and more, empty pieces, and a tree that never begins. */
static void
test_content (void)
{
  g_autoptr (GByteArray) tree = g_byte_array_new ();
  g_autofree char *text = NULL;
  g_autofree char *empty = NULL;
  guint8 bytes[16];

  add_entry (tree, "", TCW_WIRE_TREE_FILE, "");
  add (tree, bytes, tcw_wire_tree_put_hole (bytes, sizeof bytes, G_MAXINT64));
  add (tree, bytes, tcw_wire_tree_put_hole (bytes, sizeof bytes, 1));
  text = decode (tree, G_MAXSIZE);
  g_assert_cmpstr (text, ==, "[1  750 ]<9223372036854775807>!a file is empty in part, or too large");
  g_assert_cmpuint (tcw_wire_tree_put_hole (bytes, sizeof bytes, 0), ==, 0);
  g_assert_cmpuint (tcw_wire_tree_put_data (bytes, sizeof bytes, 0), ==, 0);
  g_byte_array_set_size (tree, 0);
  add (tree, bytes, tcw_wire_tree_put_finish (bytes, sizeof bytes));
  empty = decode (tree, 1);
  g_assert_cmpstr (empty, ==, "!the tree ends inside of a file, or before its root");
}

/* What the encoder does not write. */
static void
test_encoder_refuses (void)
{
  TcwWireTreeEntry entry = { .path = "../a", .type = TCW_WIRE_TREE_FILE };
  guint8 bytes[100];

  g_assert_cmpuint (tcw_wire_tree_put_entry (bytes, sizeof bytes, &entry), ==, 0);
  entry.path = "a";
  g_assert_cmpuint (tcw_wire_tree_put_entry (bytes, 30, &entry), ==, 0);
  g_assert_cmpuint (tcw_wire_tree_put_entry (bytes, 31, &entry), ==, 31);
  entry.type = TCW_WIRE_TREE_LINK;
  g_assert_cmpuint (tcw_wire_tree_put_entry (bytes, sizeof bytes, &entry), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/tree/round-trip", test_round_trip);
  g_test_add_func ("/wire/tree/paths", test_paths);
  g_test_add_func ("/wire/tree/places", test_places);
  g_test_add_func ("/wire/tree/replaced-folder", test_replaced_folder);
  g_test_add_func ("/wire/tree/single-file", test_single_file);
  g_test_add_func ("/wire/tree/grammar", test_grammar);
  g_test_add_func ("/wire/tree/content", test_content);
  g_test_add_func ("/wire/tree/encoder-refuses", test_encoder_refuses);
  return tcw_test_run ();
}
