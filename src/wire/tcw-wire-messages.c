/* Encoding and decoding of messages about the machine, its files and its network; see tcw-wire-messages.h. */
#include "wire/tcw-wire-messages.h"

#include <errno.h>
#include <string.h>

/* All names, by number. */
static const char *const status_names[TCW_WIRE_STATUS_LAST + 1] = {
  "ok",      "not-found", "not-executable", "no-user",       "no-directory",    "permission", "invalid", "busy",     "limit",
  "not-supported", "identity-needed", "io", "exists", "no-space", "wrong-type", "refused", "no-memory", "cancelled",
};

const char *
tcw_wire_status_to_string (uint32_t status)
{
  return status <= TCW_WIRE_STATUS_LAST ? status_names[status] : "unknown";
}

TcwWireStatus
tcw_wire_status_from_errno (int error)
{
  static const struct
  {
    int error;
    TcwWireStatus status;
  } table[] = {
    { 0, TCW_WIRE_STATUS_OK },
    { ENOENT, TCW_WIRE_STATUS_NOT_FOUND },
    { ENXIO, TCW_WIRE_STATUS_NOT_FOUND },
    { ENODEV, TCW_WIRE_STATUS_NOT_FOUND },
    { ESRCH, TCW_WIRE_STATUS_NOT_FOUND },
    { ENOEXEC, TCW_WIRE_STATUS_NOT_EXECUTABLE },
    { ENOTDIR, TCW_WIRE_STATUS_NO_DIRECTORY },
    { EACCES, TCW_WIRE_STATUS_PERMISSION },
    { EPERM, TCW_WIRE_STATUS_PERMISSION },
    { EROFS, TCW_WIRE_STATUS_PERMISSION },
    { EINVAL, TCW_WIRE_STATUS_INVALID },
    { ENAMETOOLONG, TCW_WIRE_STATUS_INVALID },
    { ELOOP, TCW_WIRE_STATUS_INVALID },
    { E2BIG, TCW_WIRE_STATUS_LIMIT },
    { EMFILE, TCW_WIRE_STATUS_LIMIT },
    { ENFILE, TCW_WIRE_STATUS_LIMIT },
    { EAGAIN, TCW_WIRE_STATUS_LIMIT },
    { EFBIG, TCW_WIRE_STATUS_LIMIT },
    { EBUSY, TCW_WIRE_STATUS_BUSY },
    { ETXTBSY, TCW_WIRE_STATUS_BUSY },
    { ENOSYS, TCW_WIRE_STATUS_NOT_SUPPORTED },
    { EOPNOTSUPP, TCW_WIRE_STATUS_NOT_SUPPORTED },
    { EEXIST, TCW_WIRE_STATUS_EXISTS },
    { ENOTEMPTY, TCW_WIRE_STATUS_EXISTS },
    { EADDRINUSE, TCW_WIRE_STATUS_EXISTS },
    { ENOSPC, TCW_WIRE_STATUS_NO_SPACE },
    { EDQUOT, TCW_WIRE_STATUS_NO_SPACE },
    { EISDIR, TCW_WIRE_STATUS_WRONG_TYPE },
    { ECONNREFUSED, TCW_WIRE_STATUS_REFUSED },
    { ENOMEM, TCW_WIRE_STATUS_NO_MEMORY },
    { ECANCELED, TCW_WIRE_STATUS_CANCELLED },
  };

  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (table[i].error == error)
      return table[i].status;
  return TCW_WIRE_STATUS_IO;
}

/* "52:54:00:12:34:56" with lower-case digits, or nothing. */
static bool
copy_mac (char mac[18], const char *text)
{
  if (text[0] == '\0')
    return true;
  for (size_t i = 0; i < 17; i++)
    if (i % 3 == 2 ? text[i] != ':' : text[i] == '\0' || strchr ("0123456789abcdef", text[i]) == NULL)
      return false;
  if (text[17] != '\0')
    return false;
  memcpy (mac, text, 18);
  return true;
}

static void
encode_network (TcwWireWriter *writer, const TcwWireNetwork *network)
{
  tcw_wire_write_u8 (writer, network->present);
  if (!network->present)
    return;
  tcw_wire_write_string (writer, network->mac);
  tcw_wire_write_string (writer, network->address4);
  tcw_wire_write_u8 (writer, network->prefix4);
  tcw_wire_write_string (writer, network->gateway4);
  tcw_wire_write_string (writer, network->address6);
  tcw_wire_write_u8 (writer, network->prefix6);
  tcw_wire_write_string (writer, network->gateway6);
  tcw_wire_write_strings (writer, &network->dns);
}

static bool
decode_network (TcwWireReader *reader, TcwWireNetwork *network)
{
  uint8_t present = tcw_wire_read_u8 (reader);

  network->present = present == 1;
  network->address4 = network->gateway4 = network->address6 = network->gateway6 = "";
  if (present != 1)
    return present == 0;
  if (!copy_mac (network->mac, tcw_wire_read_string (reader, 17)))
    return false;
  network->address4 = tcw_wire_read_string (reader, TCW_WIRE_NAME_MAX);
  network->prefix4 = tcw_wire_read_u8 (reader);
  network->gateway4 = tcw_wire_read_string (reader, TCW_WIRE_NAME_MAX);
  network->address6 = tcw_wire_read_string (reader, TCW_WIRE_NAME_MAX);
  network->prefix6 = tcw_wire_read_u8 (reader);
  network->gateway6 = tcw_wire_read_string (reader, TCW_WIRE_NAME_MAX);
  network->dns = tcw_wire_read_strings (reader, TCW_WIRE_DNS_MAX, TCW_WIRE_NAME_MAX);
  return network->prefix4 <= 32 && network->prefix6 <= 128;
}

void
tcw_wire_identity_encode (TcwWireWriter *writer, const TcwWireIdentity *message)
{
  tcw_wire_write_bytes (writer, message->entropy, message->entropy_length);
  tcw_wire_write_u64 (writer, message->clock_ns);
  tcw_wire_write_string (writer, message->host_name);
  tcw_wire_write_string (writer, message->machine_id);
  encode_network (writer, &message->network);
}

bool
tcw_wire_identity_decode (const void *body, size_t size, TcwWireIdentity *message)
{
  TcwWireReader reader;
  size_t digits;

  tcw_wire_reader_init (&reader, body, size);
  *message = (TcwWireIdentity) { 0 };
  message->entropy = tcw_wire_read_bytes (&reader, TCW_WIRE_ENTROPY_MIN, TCW_WIRE_ENTROPY_MAX, &message->entropy_length);
  message->clock_ns = tcw_wire_read_u64 (&reader);
  message->host_name = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  message->machine_id = tcw_wire_read_string (&reader, TCW_WIRE_MACHINE_ID_LENGTH);
  digits = strspn (message->machine_id, "0123456789abcdef");
  if (message->machine_id[digits] != '\0' || (digits != 0 && digits != TCW_WIRE_MACHINE_ID_LENGTH))
    return false;
  return decode_network (&reader, &message->network) && !reader.failed;
}

void
tcw_wire_get_encode (TcwWireWriter *writer, const TcwWireGet *message)
{
  tcw_wire_write_u32 (writer, message->stream);
  tcw_wire_write_u32 (writer, message->flags);
  tcw_wire_write_string (writer, message->path);
  tcw_wire_write_u64 (writer, message->max_size);
}

bool
tcw_wire_get_decode (const void *body, size_t size, TcwWireGet *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->stream = tcw_wire_read_u32 (&reader);
  message->flags = tcw_wire_read_u32 (&reader);
  message->path = tcw_wire_read_string (&reader, TCW_WIRE_PATH_MAX);
  message->max_size = tcw_wire_read_u64 (&reader);
  return !reader.failed && message->stream != 0 && message->path[0] == '/' && (message->flags & ~(uint32_t) TCW_WIRE_GET_FLAGS) == 0;
}

void
tcw_wire_put_encode (TcwWireWriter *writer, const TcwWirePut *message)
{
  tcw_wire_write_u32 (writer, message->stream);
  tcw_wire_write_string (writer, message->path);
  tcw_wire_write_string (writer, message->user);
  tcw_wire_write_u8 (writer, message->has_mode);
  tcw_wire_write_u32 (writer, message->mode);
}

bool
tcw_wire_put_decode (const void *body, size_t size, TcwWirePut *message)
{
  TcwWireReader reader;
  uint8_t has_mode;

  tcw_wire_reader_init (&reader, body, size);
  message->stream = tcw_wire_read_u32 (&reader);
  message->path = tcw_wire_read_string (&reader, TCW_WIRE_PATH_MAX);
  message->user = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  has_mode = tcw_wire_read_u8 (&reader);
  message->has_mode = has_mode == 1;
  message->mode = tcw_wire_read_u32 (&reader);
  return !reader.failed && message->stream != 0 && message->path[0] == '/' && has_mode <= 1 && message->mode <= 07777;
}

void
tcw_wire_mount_encode (TcwWireWriter *writer, const TcwWireMount *message)
{
  tcw_wire_write_string (writer, message->device);
  tcw_wire_write_string (writer, message->path);
  tcw_wire_write_string (writer, message->type);
  tcw_wire_write_string (writer, message->owner);
  tcw_wire_write_u32 (writer, message->flags);
  tcw_wire_write_u32 (writer, message->wait_ms);
}

bool
tcw_wire_mount_decode (const void *body, size_t size, TcwWireMount *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->device = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  message->path = tcw_wire_read_string (&reader, TCW_WIRE_PATH_MAX);
  message->type = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  message->owner = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  message->flags = tcw_wire_read_u32 (&reader);
  message->wait_ms = tcw_wire_read_u32 (&reader);
  return !reader.failed && message->device[0] != '\0' && message->path[0] == '/'
         && (message->flags & ~(uint32_t) TCW_WIRE_MOUNT_FLAGS) == 0;
}

void
tcw_wire_unmount_encode (TcwWireWriter *writer, const TcwWireUnmount *message)
{
  tcw_wire_write_string (writer, message->path);
}

bool
tcw_wire_unmount_decode (const void *body, size_t size, TcwWireUnmount *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->path = tcw_wire_read_string (&reader, TCW_WIRE_PATH_MAX);
  return !reader.failed && message->path[0] == '/';
}

void
tcw_wire_listen_encode (TcwWireWriter *writer, const TcwWireListen *message)
{
  tcw_wire_write_u32 (writer, message->listener);
  tcw_wire_write_string (writer, message->host);
  tcw_wire_write_u16 (writer, message->port);
  tcw_wire_write_string (writer, message->path);
  tcw_wire_write_u32 (writer, message->mode);
}

bool
tcw_wire_listen_decode (const void *body, size_t size, TcwWireListen *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->listener = tcw_wire_read_u32 (&reader);
  message->host = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  message->port = tcw_wire_read_u16 (&reader);
  message->path = tcw_wire_read_string (&reader, TCW_WIRE_PATH_MAX);
  message->mode = tcw_wire_read_u32 (&reader);
  return !reader.failed && message->mode <= 0777 && (message->path[0] == '/' || message->path[0] == '\0');
}

void
tcw_wire_listening_encode (TcwWireWriter *writer, const TcwWireListening *message)
{
  tcw_wire_write_u16 (writer, message->port);
}

bool
tcw_wire_listening_decode (const void *body, size_t size, TcwWireListening *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->port = tcw_wire_read_u16 (&reader);
  return !reader.failed;
}

void
tcw_wire_unlisten_encode (TcwWireWriter *writer, const TcwWireUnlisten *message)
{
  tcw_wire_write_u32 (writer, message->listener);
}

bool
tcw_wire_unlisten_decode (const void *body, size_t size, TcwWireUnlisten *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->listener = tcw_wire_read_u32 (&reader);
  return !reader.failed;
}

void
tcw_wire_connect_out_encode (TcwWireWriter *writer, const TcwWireConnectOut *message)
{
  tcw_wire_write_u32 (writer, message->stream);
  tcw_wire_write_string (writer, message->host);
  tcw_wire_write_u16 (writer, message->port);
  tcw_wire_write_string (writer, message->path);
}

bool
tcw_wire_connect_out_decode (const void *body, size_t size, TcwWireConnectOut *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->stream = tcw_wire_read_u32 (&reader);
  message->host = tcw_wire_read_string (&reader, TCW_WIRE_NAME_MAX);
  message->port = tcw_wire_read_u16 (&reader);
  message->path = tcw_wire_read_string (&reader, TCW_WIRE_PATH_MAX);
  return !reader.failed && message->stream != 0 && (message->path[0] == '/' || message->path[0] == '\0');
}

void
tcw_wire_connect_encode (TcwWireWriter *writer, const TcwWireConnect *message)
{
  tcw_wire_write_u32 (writer, message->listener);
  tcw_wire_write_u32 (writer, message->stream);
}

bool
tcw_wire_connect_decode (const void *body, size_t size, TcwWireConnect *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  message->listener = tcw_wire_read_u32 (&reader);
  message->stream = tcw_wire_read_u32 (&reader);
  return !reader.failed && (message->stream & TCW_WIRE_STREAM_AGENT) != 0;
}

void
tcw_wire_power_off_encode (TcwWireWriter *writer, const TcwWirePowerOff *message)
{
  tcw_wire_write_u8 (writer, message->restart);
}

bool
tcw_wire_power_off_decode (const void *body, size_t size, TcwWirePowerOff *message)
{
  TcwWireReader reader;
  uint8_t restart;

  tcw_wire_reader_init (&reader, body, size);
  restart = tcw_wire_read_u8 (&reader);
  message->restart = restart == 1;
  return !reader.failed && restart <= 1;
}

/* The fields of TcwWireStats in the order of the wire. */
static const size_t stats_fields[] = {
  offsetof (TcwWireStats, uptime_ms),     offsetof (TcwWireStats, memory_total_kib), offsetof (TcwWireStats, memory_available_kib),
  offsetof (TcwWireStats, load_1m_centi), offsetof (TcwWireStats, cpu_user_ms),      offsetof (TcwWireStats, cpu_system_ms),
  offsetof (TcwWireStats, cpu_idle_ms),   offsetof (TcwWireStats, processes),        offsetof (TcwWireStats, disk_total_kib),
  offsetof (TcwWireStats, disk_free_kib), offsetof (TcwWireStats, cpus),
};

void
tcw_wire_stats_encode (TcwWireWriter *writer, const TcwWireStats *message)
{
  for (size_t i = 0; i < sizeof stats_fields / sizeof stats_fields[0]; i++)
    {
      uint64_t value;

      memcpy (&value, (const uint8_t *) message + stats_fields[i], sizeof value);
      tcw_wire_write_u64 (writer, value);
    }
}

bool
tcw_wire_stats_decode (const void *body, size_t size, TcwWireStats *message)
{
  TcwWireReader reader;

  tcw_wire_reader_init (&reader, body, size);
  for (size_t i = 0; i < sizeof stats_fields / sizeof stats_fields[0]; i++)
    {
      uint64_t value = tcw_wire_read_u64 (&reader);

      memcpy ((uint8_t *) message + stats_fields[i], &value, sizeof value);
    }
  return !reader.failed;
}

void
tcw_wire_log_encode (TcwWireWriter *writer, const TcwWireLog *message)
{
  tcw_wire_write_u8 (writer, (uint8_t) message->level);
  tcw_wire_write_string (writer, message->text);
}

bool
tcw_wire_log_decode (const void *body, size_t size, TcwWireLog *message)
{
  TcwWireReader reader;
  uint8_t level;

  tcw_wire_reader_init (&reader, body, size);
  level = tcw_wire_read_u8 (&reader);
  message->level = (TcwWireLogLevel) level;
  message->text = tcw_wire_read_string (&reader, TCW_WIRE_TEXT_MAX);
  return !reader.failed && level >= TCW_WIRE_LOG_DEBUG && level <= TCW_WIRE_LOG_WARNING;
}
