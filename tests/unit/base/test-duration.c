/* Durations: what people write, and what is refused. */
#include <string.h>

#include "base/tcw-duration.h"
#include "base/tcw-error.h"

static const struct {
  const char *text;
  gint64 seconds;
  const char *back;
} good[] = {
  { "0", 0, "0 seconds" },
  { "90", 90, "1 minute 30 seconds" },
  { " 90 ", 90, "1 minute 30 seconds" },
  { "1 day 2 hours 3 minutes", 93780, "1 day 2 hours 3 minutes" },
  { "1 day, 2 hours and 3 minutes", 93780, "1 day 2 hours 3 minutes" },
  { "1h30m", 5400, "1 hour 30 minutes" },
  { "1H 30MIN", 5400, "1 hour 30 minutes" },
  { "30m + 1h", 5400, "1 hour 30 minutes" },
  { "1w 1d 1hr 1min 1sec", 694861, "1 week 1 day 1 hour 1 minute 1 second" },
  { "2 weeks", 1209600, "2 weeks" },
  { "2 wks 3 hrs 4 mins 5 secs", 1220645, "2 weeks 3 hours 4 minutes 5 seconds" },
  { "0 seconds", 0, "0 seconds" },
  { "9223372036854775807", G_MAXINT64, NULL },
};

static const struct {
  const char *text;
  const char *words;
} bad[] = {
  { "", "it is empty" },
  { "  ", "it is empty" },
  { "-5", "negative" },
  { "five minutes", "a number is expected" },
  { "1.5 hours", "a number has no unit" },
  { "1 hour 30", "a number has no unit" },
  { "30 1 hour", "a number has no unit" },
  { "1 fortnight", "the units are" },
  { "1 month", "the units are" },
  { "1 minutess", "the units are" },
  { "1h 2h", "twice" },
  { "1 hour 2 h", "twice" },
  { "99999999999999999999", "too large" },
  { "9223372036854775808", "too large" },
  { "9223372036854775807 weeks", "too long" },
  { "9223372036854775807 s 1 m", "too long" },
  { "1 h and", "a number is expected" },
  { "1h;", "a number is expected" },
  { "1 \xff", "no unit" },
};

static void
test_good (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 seconds = -1;

      g_assert_true (tcw_duration_parse (good[i].text, &seconds, &error));
      g_assert_no_error (error);
      g_assert_cmpint (seconds, ==, good[i].seconds);

      g_autofree char *back = tcw_duration_to_string (seconds);
      gint64 again = -1;

      if (good[i].back != NULL)
        g_assert_cmpstr (back, ==, good[i].back);
      g_assert_true (tcw_duration_parse (back, &again, NULL));
      g_assert_cmpint (again, ==, seconds);
    }
}

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 seconds = 77;

      g_assert_false (tcw_duration_parse (bad[i].text, &seconds, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, bad[i].words));
      g_assert_cmpint (seconds, ==, 77);
    }
}

static void
test_json (void)
{
  g_autoptr (JsonNode) integer = json_node_init_int (json_node_alloc (), 60);
  g_autoptr (JsonNode) whole = json_node_init_double (json_node_alloc (), 60.0);
  g_autoptr (JsonNode) text = json_node_init_string (json_node_alloc (), "1 minute");
  g_autoptr (JsonNode) fraction = json_node_init_double (json_node_alloc (), 1.5);
  g_autoptr (JsonNode) negative = json_node_init_int (json_node_alloc (), -1);
  g_autoptr (JsonNode) truth = json_node_init_boolean (json_node_alloc (), TRUE);
  JsonNode *fine[] = { integer, whole, text };
  JsonNode *wrong[] = { fraction, negative, truth, NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (fine); i++)
    {
      gint64 seconds = 0;

      g_assert_true (tcw_duration_from_json (fine[i], &seconds, NULL));
      g_assert_cmpint (seconds, ==, 60);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 seconds = 0;

      g_assert_false (tcw_duration_from_json (wrong[i], &seconds, &error));
      g_assert_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/duration/good", test_good);
  g_test_add_func ("/duration/bad", test_bad);
  g_test_add_func ("/duration/json", test_json);
  return g_test_run ();
}
