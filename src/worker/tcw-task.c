/* Task definitions from files; see tcw-task.h. */
#include "worker/tcw-task.h"

#include <string.h>

#include "base/tcw-error.h"
#include "base/tcw-json-util.h"
#include "base/tcw-yaml.h"

#define UUID_BYTES 16

struct _TcwTask
{
  char *name;
  char *id;
  JsonNode *payload;
};

void
tcw_task_free (TcwTask *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self->id);
  g_clear_pointer (&self->payload, json_node_unref);
  g_free (self);
}

char *
tcw_task_new_slug (void)
{
  guint8 bytes[UUID_BYTES];
  g_autofree char *text = NULL;

  for (gsize i = 0; i < sizeof bytes; i += 4)
    {
      guint32 word = g_random_int ();

      memcpy (bytes + i, &word, sizeof word);
    }
  bytes[6] = (guint8) ((bytes[6] & 0x0f) | 0x40);
  bytes[8] = (guint8) ((bytes[8] & 0x3f) | 0x80);
  /* "Nice" slugs begin with a letter, so that they can't be taken for an option. */
  bytes[0] &= 0x7f;
  text = g_base64_encode (bytes, sizeof bytes);
  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  return g_strndup (text, 22);
}

/* The file's name without folder and ending. */
static char *
name_of_file (const char *path)
{
  char *name = g_path_get_basename (path);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return name;
}

static gboolean
take_definition (TcwTask *self, const char *path, JsonNode *document, GError **error)
{
  JsonObject *object;
  const char *name;

  if (!JSON_NODE_HOLDS_OBJECT (document))
    {
      g_set_error (error, TCW_ERROR, TCW_ERROR_MALFORMED_PAYLOAD, "%s: must be an object (a task or its payload), is %s", path,
                   tcw_json_type_name (document));
      return FALSE;
    }
  object = json_node_get_object (document);
  if (!json_object_has_member (object, "payload"))
    {
      self->payload = json_node_ref (document);
      return TRUE;
    }
  if (tcw_json_get_object (object, "payload", error) == NULL)
    {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  self->payload = json_node_ref (json_object_get_member (object, "payload"));
  name = tcw_json_get_string_or (object, "metadata.name", "");
  if (name[0] != '\0')
    {
      g_free (self->name);
      self->name = g_strdup (name);
    }
  return TRUE;
}

TcwTask *
tcw_task_load (const char *path, GError **error)
{
  g_autoptr (TcwTask) self = g_new0 (TcwTask, 1);
  g_autoptr (JsonNode) document = tcw_document_load (path, error);

  if (document == NULL)
    return NULL;
  self->name = name_of_file (path);
  self->id = tcw_task_new_slug ();
  if (!take_definition (self, path, document, error))
    return NULL;
  return g_steal_pointer (&self);
}

const char *
tcw_task_get_name (TcwTask *self)
{
  return self->name;
}

const char *
tcw_task_get_id (TcwTask *self)
{
  return self->id;
}

JsonNode *
tcw_task_get_payload (TcwTask *self)
{
  return self->payload;
}
