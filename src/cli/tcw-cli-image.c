/* The verb `image`: builds images, and shows and removes those of the store. A subverb each. */
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/tcw-error.h"
#include "base/tcw-file-lock.h"
#include "base/tcw-fs.h"
#include "base/tcw-json.h"
#include "cli/tcw-cli.h"
#include "tcw-qemu-image-build.h"
#include "tcw-qemu-image-store.h"

/* So many digits of a digest tell images apart for people. */
#define SHORT_DIGEST 16

typedef struct {
  const char *name;
  const char *summary;
  int (*run) (TcwCli *cli, int argc, char **argv);
} Subverb;

/* How a subverb is called. */
typedef struct {
  const char *verb;
  const char *parameters; /* marked with N_() */
  const char *summary;    /* marked with N_() */
  int min;                /* words after the options */
  int max;
} Usage;

/* As tcw_cli_report(), but what is wrong with an image or a recipe is a mistake of the one who calls: there is no payload here. */
static int
report (const char *verb, const GError *error)
{
  int status = tcw_cli_report (verb, error);

  return status == TCW_EXIT_MALFORMED_PAYLOAD ? TCW_EXIT_USAGE : status;
}

/* Parses @entries and counts the words. Returns FALSE with *status when the subverb is to end. */
static gboolean
parse (const Usage *usage, const char *description, const GOptionEntry *entries, int *argc, char ***argv, int *status)
{
  const char *parameters = usage->parameters[0] != '\0' ? _(usage->parameters) : "";

  if (!tcw_cli_parse (usage->verb, parameters, _(usage->summary), description, entries, argc, argv, status))
    return FALSE;
  if (*argc - 1 >= usage->min && *argc - 1 <= usage->max)
    return TRUE;
  if (*argc - 1 > usage->max)
    g_printerr (_("taskcluster-worker %s: “%s” is one word too many\n"), usage->verb, (*argv)[usage->max + 1]);
  else
    g_printerr (_("taskcluster-worker %s: %s is missing\n"), usage->verb, parameters);
  g_printerr (_("`taskcluster-worker %s --help` tells how it is used\n"), usage->verb);
  *status = TCW_EXIT_USAGE;
  return FALSE;
}

/* Parses the options of a subverb that has none but --config, steps down, and opens the store. Returns NULL with *status otherwise. */
static TcwQemuImageStore *
begin (TcwCli *cli, const Usage *usage, int *argc, char ***argv, int *status)
{
  g_autofree char *config = NULL;
  const GOptionEntry entries[]
      = { { "config", 0, 0, G_OPTION_ARG_FILENAME, &config, N_("the worker's configuration"), "FILE" }, G_OPTION_ENTRY_NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = NULL;
  TcwQemuImageStore *store = NULL;

  if (!parse (usage, NULL, entries, argc, argv, status))
    return NULL;
  if (tcw_cli_enter (cli, config, &error))
    {
      folder = g_build_filename (tcw_cli_get_state_directory (cli), "images", NULL);
      store = tcw_qemu_image_store_new (folder, &error);
    }
  if (store == NULL)
    *status = report (usage->verb, error);
  return store;
}

/* Returns (transfer full) a size for people. Not by g_format_size(), whose special blank some terminals can't show. */
static char *
format_size (guint64 bytes)
{
  return g_strdup_printf ("%.1f MB", (double) bytes / 1e6);
}

static void
print_row (const char *name, const char *size, const char *created, const char *digest)
{
  g_print ("%-20s %10s  %-20s  %s\n", name, size, created, digest);
}

static int
run_list (TcwCli *cli, int argc, char **argv)
{
  const Usage usage = { "image list", "", N_("Lists the images."), 0, 0 };
  int status = TCW_EXIT_OK;
  g_autoptr (TcwQemuImageStore) store = begin (cli, &usage, &argc, &argv, &status);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  if (store == NULL)
    return status;
  names = tcw_qemu_image_store_list (store, &error);
  if (names == NULL)
    return report (usage.verb, error);
  if (names[0] == NULL)
    g_printerr (_("There are no images yet. Build one with: taskcluster-worker image build tiny\n"));
  else
    print_row (_("NAME"), _("SIZE"), _("CREATED"), _("DIGEST"));
  for (gsize i = 0; names[i] != NULL; i++)
    {
      g_autoptr (GError) image_error = NULL;
      g_autoptr (TcwQemuImage) image = tcw_qemu_image_store_lookup (store, names[i], NULL, &image_error);
      g_autofree char *size = image != NULL ? format_size (tcw_qemu_image_get_size (image)) : NULL;
      g_autofree char *digest = image != NULL ? g_strndup (tcw_qemu_image_get_digest (image), SHORT_DIGEST) : NULL;

      if (image != NULL)
        print_row (names[i], size, tcw_qemu_image_get_created (image), digest);
      else
        status = report (usage.verb, image_error);
    }
  return status;
}

static int
run_info (TcwCli *cli, int argc, char **argv)
{
  const Usage usage = { "image info", N_("IMAGE"), N_("Prints an image's manifest."), 1, 1 };
  int status = TCW_EXIT_OK;
  g_autoptr (TcwQemuImageStore) store = begin (cli, &usage, &argc, &argv, &status);
  g_autoptr (TcwQemuImage) image = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (store == NULL)
    return status;
  image = tcw_qemu_image_store_lookup (store, argv[1], NULL, &error);
  if (image == NULL)
    return report (usage.verb, error);
  text = tcw_json_to_string (tcw_qemu_image_get_manifest (image), TCW_JSON_PRETTY);
  g_print ("%s\n", text);
  g_printerr (_("in %s, digest %s\n"), tcw_qemu_image_get_folder (image), tcw_qemu_image_get_digest (image));
  return TCW_EXIT_OK;
}

static int
run_verify (TcwCli *cli, int argc, char **argv)
{
  const Usage usage = { "image verify", N_("IMAGE"), N_("Reads all files of an image and compares them with its manifest."), 1, 1 };
  int status = TCW_EXIT_OK;
  g_autoptr (TcwQemuImageStore) store = begin (cli, &usage, &argc, &argv, &status);
  g_autoptr (TcwQemuImage) image = NULL;
  g_autoptr (GError) error = NULL;

  if (store == NULL)
    return status;
  image = tcw_qemu_image_store_lookup (store, argv[1], NULL, &error);
  if (image == NULL)
    return report (usage.verb, error);
  if (!tcw_qemu_image_verify (image, NULL, &error))
    {
      tcw_cli_report (usage.verb, error);
      return TCW_EXIT_EXCEPTION;
    }
  g_printerr (_("%s is as it was made.\n"), argv[1]);
  return TCW_EXIT_OK;
}

static int
run_rm (TcwCli *cli, int argc, char **argv)
{
  const Usage usage = { "image rm", N_("NAME…"), N_("Removes images. One that is in use stays."), 1, G_MAXINT - 1 };
  int status = TCW_EXIT_OK;
  g_autoptr (TcwQemuImageStore) store = begin (cli, &usage, &argc, &argv, &status);

  if (store == NULL)
    return status;
  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GError) image_error = NULL;

      if (!tcw_qemu_image_store_remove (store, argv[i], &image_error))
        {
          int why = report (usage.verb, image_error);

          status = MAX (status, why);
        }
    }
  return status;
}

static int
run_import (TcwCli *cli, int argc, char **argv)
{
  const Usage usage = { "image import", N_("FOLDER"), N_("Copies an image into the store, under the name in its manifest."), 1, 1 };
  int status = TCW_EXIT_OK;
  g_autoptr (TcwQemuImageStore) store = begin (cli, &usage, &argc, &argv, &status);
  g_autoptr (TcwQemuImage) image = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *size = NULL;

  if (store == NULL)
    return status;
  image = tcw_qemu_image_store_import (store, argv[1], NULL, &error);
  if (image == NULL)
    return report (usage.verb, error);
  size = format_size (tcw_qemu_image_get_size (image));
  g_printerr (_("Image %s is ready: %s, digest %s.\n"), tcw_qemu_image_get_name (image), size, tcw_qemu_image_get_digest (image));
  return TCW_EXIT_OK;
}

static gboolean
on_signal (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_CONTINUE;
}

/*
 * The steps of a recipe run as the user who builds, which may be root; the store belongs to the worker's user. So the finished image goes
 * into the store by a process of its own, which steps down.
 */
static int
import_built (TcwCli *cli, const char *folder, const char *config, GError **error)
{
  g_autofree char *image = g_build_filename (folder, "image", NULL);
  const char *argv[] = { tcw_cli_get_program (cli), "image", "import", image, config != NULL ? "--config" : NULL, config, NULL };
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GSubprocess) process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_NONE, &local_error);

  if (process == NULL || !g_subprocess_wait (process, NULL, &local_error))
    {
      g_propagate_error (error, tcw_error_wrap (g_steal_pointer (&local_error), TCW_ERROR_INTERNAL, "cannot put the image into the store"));
      return TCW_EXIT_EXCEPTION;
    }
  return g_subprocess_get_if_exited (process) ? g_subprocess_get_exit_status (process) : TCW_EXIT_INTERRUPTED;
}

typedef struct {
  const char *name;
  const char *recipe; /* nullable */
  const char *config; /* nullable */
  TcwQemuImageTools *tools;
} Build;

static int
build (TcwCli *cli, const Build *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (TcwQemuImageRecipe) recipe
      = tcw_qemu_image_recipe_load (options->name, options->recipe, options->tools->recipes, error);
  g_autoptr (TcwFileLock) lock = NULL;
  g_autofree char *folder = recipe != NULL ? tcw_qemu_image_build (recipe, options->tools, &lock, cancellable, error) : NULL;
  int status;

  if (folder == NULL)
    return TCW_EXIT_EXCEPTION;
  status = import_built (cli, folder, options->config, error);
  tcw_fs_remove_tree (folder, NULL, NULL);
  return status;
}

/* As build(), until a signal. */
static int
build_interruptibly (TcwCli *cli, const Build *options)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  guint interrupt = g_unix_signal_add (SIGINT, on_signal, cancellable);
  guint terminate = g_unix_signal_add (SIGTERM, on_signal, cancellable);
  int status;

  /* What a recipe's steps leave running comes down to us, to be waited for. */
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  status = build (cli, options, cancellable, &error);
  g_source_remove (interrupt);
  g_source_remove (terminate);
  return error != NULL ? report ("image build", error) : status;
}

static int
run_build (TcwCli *cli, int argc, char **argv)
{
  g_autofree char *config = NULL;
  g_autofree char *recipe = NULL;
  g_autofree char *recipes = NULL;
  const GOptionEntry entries[]
      = { { "config", 0, 0, G_OPTION_ARG_FILENAME, &config, N_("the worker's configuration"), "FILE" },
          { "recipe", 'r', 0, G_OPTION_ARG_FILENAME, &recipe, N_("build from the recipe in this folder"), "FOLDER" },
          { "from-recipes", 0, 0, G_OPTION_ARG_FILENAME, &recipes, N_("look for recipes by name in this folder"), "FOLDER" },
          G_OPTION_ENTRY_NULL };
  g_autoptr (TcwQemuImageTools) tools = tcw_qemu_image_tools_new (tcw_cli_get_program (cli));
  const Usage usage = { "image build", N_("NAME"), N_("Builds an image from its recipe and puts it into the store."), 1, 1 };
  int status = TCW_EXIT_OK;

  if (!parse (&usage, _("Recipes that come with the program: tiny, debian-12. How to write one: docs/images.md."), entries, &argc, &argv,
              &status))
    return status;
  if (recipes != NULL)
    {
      g_free (tools->recipes);
      tools->recipes = g_canonicalize_filename (recipes, NULL);
    }
  return build_interruptibly (cli, &(Build){ argv[1], recipe, config, tools });
}

static void
print_usage (const Subverb *subverbs, gsize n, FILE *to)
{
  fputs (_("Usage: taskcluster-worker image COMMAND [OPTION…] [ARGUMENT…]\n\nCommands, each with --help of its own:\n"), to);
  for (gsize i = 0; i < n; i++)
    fprintf (to, "  %-8s %s\n", subverbs[i].name, _(subverbs[i].summary));
}

int
tcw_cli_image (TcwCli *cli, int argc, char **argv)
{
  const Subverb subverbs[] = {
    { "build", N_("build an image from its recipe"), run_build },
    { "import", N_("copy an image into the store"), run_import },
    { "info", N_("print an image's manifest"), run_info },
    { "list", N_("list the images"), run_list },
    { "rm", N_("remove images"), run_rm },
    { "verify", N_("compare an image with its manifest"), run_verify },
  };

  for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS (subverbs); i++)
    if (g_str_equal (argv[1], subverbs[i].name))
      return subverbs[i].run (cli, argc - 1, argv + 1);
  if (argc > 1 && (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h")))
    {
      print_usage (subverbs, G_N_ELEMENTS (subverbs), stdout);
      return TCW_EXIT_OK;
    }
  if (argc > 1)
    g_printerr (_("taskcluster-worker image: there is no command “%s”\n\n"), argv[1]);
  print_usage (subverbs, G_N_ELEMENTS (subverbs), stderr);
  return TCW_EXIT_USAGE;
}
