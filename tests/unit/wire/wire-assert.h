/* g_assert_cmpmem() without its conversions between int and size_t. */
#pragma once

#include <glib.h>
#include <string.h>

static inline void
wire_assert_bytes (const void *data, gsize size, const void *expected, gsize expected_size)
{
  g_assert_cmpuint (size, ==, expected_size);
  g_assert_true (size == 0 || memcmp (data, expected, size) == 0);
}
