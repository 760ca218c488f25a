/* A scripted engine; see fake-engine.h. */
#include "fake-engine.h"

#include <string.h>

#include "base/tcw-json.h"

/* A test that waits longer has failed. */
#define BLOCKED_TIMEOUT_MS 20000

static const char default_schema[] = "{\"type\":\"object\",\"required\":[\"command\"],\"properties\":{\"command\":{\"type\":\"array\","
                                     "\"minItems\":1,\"items\":{\"type\":\"string\"},\"description\":\"what to run\"}}}";

/* All four classes are the same thing: a link of the chain with its script. */
typedef struct
{
  GObject parent_instance;
  FakeScript *script;
  GCancellable *cancellable;
  GHashTable *names; /* of variables */
  gboolean success;
} FakeLink;

typedef struct
{
  GObjectClass parent_class;
} FakeLinkClass;

static GType fake_link_get_type (void);
static void fake_link_finalize (GObject *object);

G_DEFINE_TYPE (FakeLink, fake_link, G_TYPE_OBJECT)

static void
fake_link_class_init (FakeLinkClass *class)
{
  G_OBJECT_CLASS (class)->finalize = fake_link_finalize;
}

static void
fake_link_init (FakeLink *self)
{
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
fake_link_finalize (GObject *object)
{
  FakeLink *self = (FakeLink *) object;

  self->script->alive--;
  g_hash_table_unref (self->names);
  g_clear_object (&self->cancellable);
  G_OBJECT_CLASS (fake_link_parent_class)->finalize (object);
}

static gpointer
link_new (GType type, FakeScript *script, GCancellable *cancellable)
{
  FakeLink *self = g_object_new (type, NULL);

  self->script = script;
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  script->alive++;
  return self;
}

/* Plays what the script has for @place, and writes the call down. */
static gboolean
play (FakeLink *self, FakePlace place, const char *call, GError **error)
{
  const FakeFailure *failure = &self->script->failures[place];

  g_string_append_printf (self->script->calls, "%s ", call);
  if (self->script->blocks[place])
    {
      GPollFD poll_fd;

      self->script->on_blocked (self->script->on_blocked_data);
      g_assert_true (g_cancellable_make_pollfd (self->cancellable, &poll_fd));
      self->script->late = g_poll (&poll_fd, 1, BLOCKED_TIMEOUT_MS) != 1;
      g_cancellable_release_fd (self->cancellable);
      g_set_error (error, TCW_ERROR, TCW_ERROR_CANCELLED, "cancelled");
      return FALSE;
    }
  if (failure->code == 0)
    return TRUE;
  if (failure->code == FAKE_FOREIGN)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, failure->message);
  else
    g_set_error_literal (error, TCW_ERROR, failure->code, failure->message);
  return FALSE;
}

/* --- Result set. ------------------------------------------------------------------------------------------------------- */

static void fake_result_set_iface_init (TcwResultSetInterface *iface);

typedef FakeLink FakeResultSet;
typedef FakeLinkClass FakeResultSetClass;
static GType fake_result_set_get_type (void);
G_DEFINE_TYPE_WITH_CODE (FakeResultSet, fake_result_set, fake_link_get_type (),
                         G_IMPLEMENT_INTERFACE (TCW_TYPE_RESULT_SET, fake_result_set_iface_init))

static void
fake_result_set_class_init (FakeResultSetClass *class)
{
}

static void
fake_result_set_init (FakeResultSet *self)
{
}

static gboolean
get_success (TcwResultSet *results)
{
  return ((FakeLink *) results)->success;
}

static gboolean
play_step (const FakeStep *step, const TcwEntryVisitor *visitor, gpointer user_data, GError **error)
{
  switch (step->kind)
    {
    case FAKE_BEGIN:
      return visitor->begin_file (user_data, step->text, step->number, error);
    case FAKE_DATA:
      return visitor->data (user_data, (const guint8 *) step->text, strlen (step->text), error);
    case FAKE_HOLE:
      return visitor->hole (user_data, step->number, error);
    case FAKE_END:
      return visitor->end_file (user_data, error);
    case FAKE_FAIL:
    default:
      g_set_error_literal (error, TCW_ERROR, TCW_ERROR_INTERNAL, step->text);
      return FALSE;
    }
}

static gboolean
extract (TcwResultSet *results, TcwEntryKind kind, const char *path, const TcwEntryVisitor *visitor, gpointer user_data, GError **error)
{
  FakeLink *self = (FakeLink *) results;
  g_autofree char *call = g_strdup_printf ("extract(%s)", path);
  const FakeTree *tree = NULL;

  if (!play (self, FAKE_EXTRACT, call, error))
    return FALSE;
  for (gsize i = 0; i < self->script->n_trees; i++)
    if (g_str_equal (self->script->trees[i].path, path) && self->script->trees[i].kind == kind)
      tree = &self->script->trees[i];
  if (tree == NULL)
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_TASK_FAILED, "there is no such %s at %s", kind == TCW_ENTRY_FILE ? "file" : "folder", path);
      return FALSE;
    }
  for (gsize i = 0; i < tree->n_steps; i++)
    if (!play_step (&tree->steps[i], visitor, user_data, error))
      return FALSE;
  return TRUE;
}

static gboolean
dispose (TcwResultSet *results, GError **error)
{
  return play ((FakeLink *) results, FAKE_DISPOSE, "dispose", error);
}

static char *
open_access (TcwResultSet *results)
{
  return g_strdup ("by the fake door");
}

static void
fake_result_set_iface_init (TcwResultSetInterface *iface)
{
  iface->get_success = get_success;
  iface->extract = extract;
  iface->open_access = open_access;
  iface->dispose = dispose;
}

TcwResultSet *
fake_result_set_new (FakeScript *script)
{
  return link_new (fake_result_set_get_type (), script, NULL);
}

/* --- Sandbox. ---------------------------------------------------------------------------------------------------------- */

static void fake_sandbox_iface_init (TcwSandboxInterface *iface);

typedef FakeLink FakeSandbox;
typedef FakeLinkClass FakeSandboxClass;
static GType fake_sandbox_get_type (void);
G_DEFINE_TYPE_WITH_CODE (FakeSandbox, fake_sandbox, fake_link_get_type (),
                         G_IMPLEMENT_INTERFACE (TCW_TYPE_SANDBOX, fake_sandbox_iface_init))

static void
fake_sandbox_class_init (FakeSandboxClass *class)
{
}

static void
fake_sandbox_init (FakeSandbox *self)
{
}

static TcwResultSet *
make_results (FakeLink *self, gboolean success)
{
  FakeLink *results = link_new (fake_result_set_get_type (), self->script, self->cancellable);

  results->success = success;
  return TCW_RESULT_SET (results);
}

static TcwResultSet *
sandbox_wait (TcwSandbox *sandbox, gint64 deadline, GError **error)
{
  FakeLink *self = (FakeLink *) sandbox;

  self->script->deadline = deadline;
  return play (self, FAKE_WAIT, "wait", error) ? make_results (self, self->script->success) : NULL;
}

static TcwResultSet *
sandbox_kill (TcwSandbox *sandbox, GError **error)
{
  FakeLink *self = (FakeLink *) sandbox;

  return play (self, FAKE_KILL, "kill", error) ? make_results (self, self->script->success_after_kill) : NULL;
}

static void
fake_sandbox_iface_init (TcwSandboxInterface *iface)
{
  iface->wait = sandbox_wait;
  iface->kill = sandbox_kill;
}

/* --- Builder. ---------------------------------------------------------------------------------------------------------- */

static void fake_builder_iface_init (TcwSandboxBuilderInterface *iface);

typedef FakeLink FakeBuilder;
typedef FakeLinkClass FakeBuilderClass;
static GType fake_builder_get_type (void);
G_DEFINE_TYPE_WITH_CODE (FakeBuilder, fake_builder, fake_link_get_type (),
                         G_IMPLEMENT_INTERFACE (TCW_TYPE_SANDBOX_BUILDER, fake_builder_iface_init))

static void
fake_builder_class_init (FakeBuilderClass *class)
{
}

static void
fake_builder_init (FakeBuilder *self)
{
}

static gboolean
set_environment_variable (TcwSandboxBuilder *builder, const char *name, const char *value, GError **error)
{
  FakeLink *self = (FakeLink *) builder;

  g_string_append_printf (self->script->calls, "%s=%s ", name, value);
  if (name[0] != '\0' && strchr (name, '=') == NULL && g_hash_table_add (self->names, g_strdup (name)))
    return TRUE;
  g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "the variable %s is no good", name);
  return FALSE;
}

static TcwSandbox *
start (TcwSandboxBuilder *builder, GError **error)
{
  FakeLink *self = (FakeLink *) builder;

  return play (self, FAKE_START, "start", error) ? link_new (fake_sandbox_get_type (), self->script, self->cancellable) : NULL;
}

static void
discard (TcwSandboxBuilder *builder)
{
  g_string_append (((FakeLink *) builder)->script->calls, "discard ");
}

static void
fake_builder_iface_init (TcwSandboxBuilderInterface *iface)
{
  iface->set_environment_variable = set_environment_variable;
  iface->start = start;
  iface->discard = discard;
}

/* --- Engine. ----------------------------------------------------------------------------------------------------------- */

static void fake_engine_iface_init (TcwEngineInterface *iface);

typedef FakeLink FakeEngine;
typedef FakeLinkClass FakeEngineClass;
static GType fake_engine_get_type (void);
G_DEFINE_TYPE_WITH_CODE (FakeEngine, fake_engine, fake_link_get_type (), G_IMPLEMENT_INTERFACE (TCW_TYPE_ENGINE, fake_engine_iface_init))

static void
fake_engine_class_init (FakeEngineClass *class)
{
}

static void
fake_engine_init (FakeEngine *self)
{
}

static JsonNode *
get_payload_schema (TcwEngine *engine)
{
  const char *schema = ((FakeLink *) engine)->script->payload_schema;
  g_autoptr (GError) error = NULL;
  JsonNode *node = tcw_json_parse (schema != NULL ? schema : default_schema, -1, "the fake engine's schema", NULL, &error);

  g_assert_no_error (error);
  return node;
}

static TcwSandboxBuilder *
new_sandbox_builder (TcwEngine *engine, TcwTaskContext *context, JsonObject *payload, GError **error)
{
  FakeLink *self = (FakeLink *) engine;

  g_assert_nonnull (payload);
  if (!play (self, FAKE_NEW_BUILDER, "new", error))
    return NULL;
  return link_new (fake_builder_get_type (), self->script, tcw_task_context_get_cancellable (context));
}

static void
fake_engine_iface_init (TcwEngineInterface *iface)
{
  iface->get_payload_schema = get_payload_schema;
  iface->new_sandbox_builder = new_sandbox_builder;
}

TcwEngine *
fake_engine_new (FakeScript *script)
{
  return link_new (fake_engine_get_type (), script, NULL);
}

void
fake_script_init (FakeScript *script)
{
  script->calls = g_string_new (NULL);
  script->alive = 0;
  script->deadline = 0;
  script->late = FALSE;
}

void
fake_script_clear (FakeScript *script)
{
  g_string_free (script->calls, TRUE);
  script->calls = NULL;
}
