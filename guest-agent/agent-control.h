/*
 * Records on the control stream: requests of the host in, replies and events out. While replies wait for room no further request is taken,
 * so that what
 * waits is bounded by what runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/tcw-wire-messages.h"

typedef struct agent_control agent_control;

/* Who asked: kept by whoever answers later. Answers to a session that is over are dropped. */
typedef struct {
  uint32_t number;
  uint32_t session;
} agent_request;

/* @record is valid during the call. Each request must get one reply, now or later. */
typedef void (*agent_control_handler) (void *data, agent_request request, const TcwWireRecord *record);

/* @wire is borrowed. NULL: errno. */
agent_control *agent_control_new (TcwWireLink *wire, agent_control_handler handler, void *data);
void agent_control_free (agent_control *control);

/* A new session: what waited is dropped. */
void agent_control_begin_session (agent_control *control);

/* The session goes on with a host that has forgotten what it was about to send. */
void agent_control_forget_half (agent_control *control);

/* Takes requests and sends what waits, as far as both go. */
void agent_control_run (agent_control *control);

void agent_control_reply (agent_control *control, agent_request request, TcwWireStatus status, const char *message);
void agent_control_reply_errno (agent_control *control, agent_request request, int error, const char *what);
void agent_control_reply_body (agent_control *control, agent_request request, const void *body, size_t length);

/* Sends an event of @type with @body. */
void agent_control_event (agent_control *control, uint16_t type, const void *body, size_t length);

/* A LOG event, and a line in the machine's own log. */
void agent_control_log (agent_control *control, TcwWireLogLevel level, const char *format, ...) __attribute__ ((format (printf, 3, 4)));
