/* Samples, percentiles, comparisons; see bench-report.h. */
#include "bench-report.h"

#include <math.h>
#include <stdio.h>

typedef struct
{
  char *name;
  char *unit;
  GArray *values; /* element-type double */
} Series;

typedef struct
{
  char *title;
  char *ours;
  char **floors;
  BenchDirection direction;
  double target;
} Comparison;

struct _BenchReport
{
  GPtrArray *series;      /* element-type Series, in the order of their first samples */
  GPtrArray *comparisons; /* element-type Comparison */
  JsonObject *notes;
};

static void
series_free (Series *self)
{
  g_free (self->name);
  g_free (self->unit);
  g_array_unref (self->values);
  g_free (self);
}

static void
comparison_free (Comparison *self)
{
  g_free (self->title);
  g_free (self->ours);
  g_strfreev (self->floors);
  g_free (self);
}

BenchReport *
bench_report_new (void)
{
  BenchReport *self = g_new0 (BenchReport, 1);

  self->series = g_ptr_array_new_with_free_func ((GDestroyNotify) series_free);
  self->comparisons = g_ptr_array_new_with_free_func ((GDestroyNotify) comparison_free);
  self->notes = json_object_new ();
  return self;
}

void
bench_report_free (BenchReport *self)
{
  g_ptr_array_unref (self->series);
  g_ptr_array_unref (self->comparisons);
  json_object_unref (self->notes);
  g_free (self);
}

static Series *
find_series (BenchReport *self, const char *name)
{
  for (guint i = 0; i < self->series->len; i++)
    {
      Series *series = g_ptr_array_index (self->series, i);

      if (g_strcmp0 (series->name, name) == 0)
        return series;
    }
  return NULL;
}

void
bench_report_add (BenchReport *self, const char *name, const char *unit, double value)
{
  Series *series = find_series (self, name);

  if (series == NULL)
    {
      series = g_new0 (Series, 1);
      series->name = g_strdup (name);
      series->unit = g_strdup (unit);
      series->values = g_array_new (FALSE, FALSE, sizeof (double));
      g_ptr_array_add (self->series, series);
    }
  g_array_append_val (series->values, value);
}

static char **
copy_names (const char *const *names)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (; *names != NULL; names++)
    g_strv_builder_add (builder, *names);
  return g_strv_builder_end (builder);
}

void
bench_report_compare (BenchReport *self, const char *title, BenchDirection direction, double target, const char *ours,
                      const char *const *floors)
{
  Comparison *comparison = g_new0 (Comparison, 1);

  comparison->title = g_strdup (title);
  comparison->ours = g_strdup (ours);
  comparison->floors = copy_names (floors);
  comparison->direction = direction;
  comparison->target = target;
  g_ptr_array_add (self->comparisons, comparison);
}

void
bench_report_note (BenchReport *self, const char *name, const char *value)
{
  json_object_set_string_member (self->notes, name, value);
}

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double left = *(const double *) a;
  double right = *(const double *) b;

  return (left > right) - (left < right);
}

/* The value that @fraction of the samples don't exceed, between neighbours by interpolation; NAN without samples. */
static double
percentile (const Series *series, double fraction)
{
  g_autoptr (GArray) sorted = NULL;
  double position;
  guint below;

  if (series == NULL || series->values->len == 0)
    return NAN;
  sorted = g_array_copy (series->values);
  g_array_sort (sorted, compare_doubles);
  position = fraction * (sorted->len - 1);
  below = (guint) position;
  if (below + 1 >= sorted->len)
    return g_array_index (sorted, double, sorted->len - 1);
  return g_array_index (sorted, double, below)
         + (position - below) * (g_array_index (sorted, double, below + 1) - g_array_index (sorted, double, below));
}

static double
floor_of (BenchReport *self, const Comparison *comparison)
{
  double sum = 0;

  for (char **name = comparison->floors; *name != NULL; name++)
    sum += percentile (find_series (self, *name), 0.5);
  return sum;
}

static const char *
verdict (const Comparison *comparison, double ratio)
{
  if (comparison->target <= 0)
    return "";
  if (comparison->direction == BENCH_LOWER ? ratio <= comparison->target : ratio >= comparison->target)
    return "met";
  return "missed";
}

static void
print_comparison (BenchReport *self, const Comparison *comparison)
{
  const Series *ours = find_series (self, comparison->ours);
  double floor_value = floor_of (self, comparison);
  double ratio = percentile (ours, 0.5) / floor_value;
  g_autofree char *target = comparison->target > 0
                                ? g_strdup_printf ("%s %.1f", comparison->direction == BENCH_LOWER ? "≤" : "≥", comparison->target)
                                : g_strdup ("  -");

  /* printf counts bytes: the target has two more than columns, or none. */
  printf ("%-46s %9.1f %9.1f %-5s %7.2f  %*s  %s\n", comparison->title, percentile (ours, 0.5), floor_value,
          ours != NULL ? ours->unit : "", ratio, comparison->target > 0 ? -7 : -5, target, verdict (comparison, ratio));
}

void
bench_report_print (BenchReport *self)
{
  printf ("%-46s %9s %9s %-5s %7s  %-5s\n", "figure (medians)", "ours", "floor", "", "ratio", "target");
  for (guint i = 0; i < self->comparisons->len; i++)
    print_comparison (self, g_ptr_array_index (self->comparisons, i));
  printf ("\n%-46s %9s %9s %9s %-5s %4s\n", "measured", "p50", "p95", "min", "", "n");
  for (guint i = 0; i < self->series->len; i++)
    {
      const Series *series = g_ptr_array_index (self->series, i);

      printf ("%-46s %9.2f %9.2f %9.2f %-5s %4u\n", series->name, percentile (series, 0.5), percentile (series, 0.95),
              percentile (series, 0), series->unit, series->values->len);
    }
}

static JsonObject *
series_to_json (const Series *series)
{
  JsonObject *object = json_object_new ();
  JsonArray *samples = json_array_new ();

  for (guint i = 0; i < series->values->len; i++)
    json_array_add_double_element (samples, g_array_index (series->values, double, i));
  json_object_set_string_member (object, "unit", series->unit);
  json_object_set_double_member (object, "p50", percentile (series, 0.5));
  json_object_set_double_member (object, "p95", percentile (series, 0.95));
  json_object_set_array_member (object, "samples", samples);
  return object;
}

static JsonObject *
comparison_to_json (BenchReport *self, const Comparison *comparison)
{
  JsonObject *object = json_object_new ();
  JsonArray *floors = json_array_new ();
  double ours = percentile (find_series (self, comparison->ours), 0.5);
  double floor_value = floor_of (self, comparison);

  for (char **name = comparison->floors; *name != NULL; name++)
    json_array_add_string_element (floors, *name);
  json_object_set_string_member (object, "title", comparison->title);
  json_object_set_string_member (object, "ours", comparison->ours);
  json_object_set_array_member (object, "floors", floors);
  json_object_set_double_member (object, "oursValue", ours);
  json_object_set_double_member (object, "floorValue", floor_value);
  json_object_set_double_member (object, "ratio", ours / floor_value);
  if (comparison->target > 0)
    {
      json_object_set_double_member (object, "target", comparison->target);
      json_object_set_string_member (object, "better", comparison->direction == BENCH_LOWER ? "lower" : "higher");
      json_object_set_boolean_member (object, "met", g_strcmp0 (verdict (comparison, ours / floor_value), "met") == 0);
    }
  return object;
}

JsonNode *
bench_report_to_json (BenchReport *self)
{
  JsonObject *root = json_object_new ();
  JsonObject *series = json_object_new ();
  JsonArray *figures = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  for (guint i = 0; i < self->series->len; i++)
    {
      const Series *one = g_ptr_array_index (self->series, i);

      json_object_set_object_member (series, one->name, series_to_json (one));
    }
  for (guint i = 0; i < self->comparisons->len; i++)
    json_array_add_object_element (figures, comparison_to_json (self, g_ptr_array_index (self->comparisons, i)));
  json_object_set_object_member (root, "run", json_object_ref (self->notes));
  json_object_set_array_member (root, "figures", figures);
  json_object_set_object_member (root, "series", series);
  json_node_take_object (node, root);
  return node;
}
