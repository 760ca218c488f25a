/* A folder for each test, and small helpers around it, shared by the tests of images. */
#pragma once

#include <glib.h>

typedef struct {
  char *folder;       /* removed after the test; also TMPDIR */
  char *store_folder; /* below it; not made */
} Fixture;

void set_up (Fixture *f, gconstpointer data);
void tear_down (Fixture *f, gconstpointer data);

/* Returns (transfer full) the path of the written file. */
char *write_file (const char *folder, const char *name, const char *text);

/* Asserts that @failed, with an error of that code whose message has @part; clears it. */
void assert_fails (gboolean failed, GError **error, int code, const char *part);

/* Returns (transfer full) the entries of a folder in alphabetical order, with blanks between them. */
char *list_folder (const char *folder);
