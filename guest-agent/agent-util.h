/*
 * Small helpers that every file of the agent uses: scope-bound file descriptors and memory, whole reads and writes of small files,
 * monotonic time. libc only. Everything here is for the agent's single thread and for its forked children.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void agent_cleanup_fd (int *fd);
void agent_cleanup_free (void *pointer);

/* An `int` that is closed, or a pointer that is freed, when its scope ends. Must be initialised (-1, NULL). */
#define agent_autofd __attribute__ ((cleanup (agent_cleanup_fd)))
#define agent_autofree __attribute__ ((cleanup (agent_cleanup_free)))

/* Closes *@fd when it is not negative, and sets it to -1. Keeps errno. */
void agent_clear_fd (int *fd);

/* Returns *@fd, which becomes -1: the caller owns it now. */
int agent_steal_fd (int *fd);

/* Sets or clears O_NONBLOCK. False: errno says why. */
bool agent_fd_set_blocking (int fd, bool blocking);

/* Writes all @size bytes to a blocking @fd, going on after signals and short writes. False: errno says why. */
bool agent_write_all (int fd, const void *data, size_t size);

/*
 * Reads at most @size - 1 bytes of the file @path (below @dir, or absolute) into @text, adds a NUL and removes white space from the end.
 * Returns the length, or -1 with errno. A longer file is cut.
 */
ssize_t agent_read_text (int dir, const char *path, char *text, size_t size);

/* Replaces the content of @path by @text: creates it with @mode or truncates it; never follows a symbolic link at the end. False: errno. */
bool agent_write_text (int dir, const char *path, const char *text, unsigned int mode);

/* Writes @text into the existing @path (kernel files). False: errno. */
bool agent_poke (int dir, const char *path, const char *text);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t agent_now_ms (void);

/* Reads @text as a decimal number of at most @limit, nothing around it. False: it isn't one; *@value is untouched. */
bool agent_parse_number (const char *text, uint64_t limit, uint64_t *value);

/* Reads @text as sysfs writes the number of a device, "MAJOR:MINOR". False: it isn't one; *@device is untouched. */
bool agent_parse_device (const char *text, dev_t *device);

/* A line on stderr (the console or the journal), beginning with "tcw-guest-agent: ". Never blocks for long, never fails. */
void agent_log (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
