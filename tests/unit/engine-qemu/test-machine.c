/* Merge, fill and limits of machine definitions. */
#include "base/tcw-error.h"
#include "base/tcw-json.h"
#include "base/tcw-schema.h"
#include "tcw-qemu-machine.h"
#include "tcw-test.h"

typedef struct
{
  const char *payload; /* or NULL */
  const char *image;   /* or NULL */
  TcwQemuMachineLimits limits;
  TcwQemuMachine expected;
} Case;

/* Limits are memory, CPUs, default threads; expected are memory, sockets, cores, threads. */
static const Case cases[] = {
  { NULL, NULL, { 1024, 1, 1 }, { 1024, 1, 1, 1 } },
  { NULL, NULL, { 1024, 4, 1 }, { 1024, 1, 4, 1 } },
  { NULL, NULL, { 1024, 8, 2 }, { 1024, 1, 4, 2 } },
  { NULL, NULL, { 1024, 1, 2 }, { 1024, 1, 1, 1 } },
  { NULL, "{\"memory\":256}", { 1024, 2, 1 }, { 256, 1, 2, 1 } },
  { "{\"memory\":512}", "{\"memory\":256,\"cores\":1}", { 1024, 4, 1 }, { 512, 4, 1, 1 } },
  { "{\"cores\":1,\"threads\":1}", NULL, { 64, 3, 2 }, { 64, 3, 1, 1 } },
  { "{\"cores\":2,\"sockets\":2}", NULL, { 64, 8, 2 }, { 64, 2, 2, 2 } },
  { "{\"cores\":2,\"sockets\":2}", NULL, { 64, 4, 2 }, { 64, 2, 2, 1 } },
  { "{\"cores\":3}", NULL, { 64, 8, 1 }, { 64, 2, 3, 1 } },
};

static gboolean
resolve (const char *payload, const char *image, const TcwQemuMachineLimits *limits, TcwQemuMachine *machine, GError **error)
{
  g_autoptr (JsonNode) first = payload != NULL ? tcw_json_parse (payload, -1, "payload", NULL, NULL) : NULL;
  g_autoptr (JsonNode) second = image != NULL ? tcw_json_parse (image, -1, "image", NULL, NULL) : NULL;
  JsonObject *definitions[] = {
    first != NULL ? json_node_get_object (first) : NULL,
    second != NULL ? json_node_get_object (second) : NULL,
  };

  return tcw_qemu_machine_resolve (definitions, G_N_ELEMENTS (definitions), limits, machine, error);
}

static void
test_fill (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      TcwQemuMachine machine = { 0 };
      g_autoptr (GError) error = NULL;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_true (resolve (cases[i].payload, cases[i].image, &cases[i].limits, &machine, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (machine.memory_mib, ==, cases[i].expected.memory_mib);
      g_assert_cmpuint (machine.sockets, ==, cases[i].expected.sockets);
      g_assert_cmpuint (machine.cores, ==, cases[i].expected.cores);
      g_assert_cmpuint (machine.threads, ==, cases[i].expected.threads);
    }
}

static void
test_limits (void)
{
  const TcwQemuMachineLimits limits = { 1024, 4, 1 };
  TcwQemuMachine machine;
  g_autoptr (GError) memory_error = NULL;
  g_autoptr (GError) cpu_error = NULL;

  g_assert_false (resolve ("{\"memory\":1025}", NULL, &limits, &machine, &memory_error));
  g_assert_error (memory_error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
  g_assert_cmpstr (memory_error->message, ==, "machine.memory: 1025 MiB is over this worker's limit of 1024 MiB");
  g_assert_false (resolve ("{\"cores\":255,\"sockets\":255,\"threads\":255}", NULL, &limits, &machine, &cpu_error));
  g_assert_error (cpu_error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
}

static void
test_schema (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (TcwSchema) schema = tcw_schema_new_from_string (tcw_qemu_machine_schema, -1, "machine", &error);
  g_autoptr (JsonNode) good = tcw_json_parse ("{\"version\":1,\"memory\":256}", -1, "good", NULL, NULL);
  g_autoptr (JsonNode) bad = tcw_json_parse ("{\"memory\":0,\"disk\":\"/etc/shadow\"}", -1, "bad", NULL, NULL);
  g_autoptr (GPtrArray) violations = g_ptr_array_new_with_free_func (g_free);

  g_assert_no_error (error);
  g_assert_true (tcw_schema_validate (schema, good, "machine", NULL));
  g_assert_false (tcw_schema_validate (schema, bad, "machine", violations));
  g_assert_cmpuint (violations->len, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/machine/fill", test_fill);
  g_test_add_func ("/machine/limits", test_limits);
  g_test_add_func ("/machine/schema", test_schema);
  return tcw_test_run ();
}
