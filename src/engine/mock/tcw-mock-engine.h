/*
 * The mock engine: sandboxes in which nothing runs but what the payload asks for by name. For tests of all that works with engines.
 *
 * Payload, all required: "delay" (0 to 300000 ms, until the function's effect), "function" and "argument" (at most 255 characters):
 *
 *   true, false                    succeeds, fails
 *   write-log                      writes the argument as a line into the log and succeeds
 *   write-error-log                the same, and fails
 *   write-log-sleep                the same as write-log, but ends 500 ms after it wrote
 *   write-files                    leaves a file "Hello World" at each of the argument's paths, which blanks separate
 *   print-env-var                  writes the value of the variable that the argument names; fails when it isn't set
 *   malformed-payload-initial      the builder can't be had: MALFORMED_PAYLOAD, after the delay
 *   malformed-payload-after-start  waiting ends with MALFORMED_PAYLOAD
 *   fatal-internal-error           waiting ends with FATAL
 *   nonfatal-internal-error        waiting ends with INTERNAL
 *
 * The schema lists these alone. Volumes, proxies, shells and displays, and the functions that use them, are not here because the engine
 * interface doesn't have them.
 *
 * A sandbox's command begins with start(), and its effects have their times from then on; they are played by wait() and kill(), in the
 * task's thread. What was due first wins, however late the thread comes to it. The first of: the command's end, its error, a kill, is
 * the sandbox's resolution for good: after a resolution with results, wait() and kill() fail with INTERNAL, after one with an error they
 * fail with that error again. Running into a deadline and being cancelled are no resolutions.
 *
 * Names of variables: not empty, without blanks and '='. Paths: components with '/' between, which may begin with '/', none of them
 * empty, "." or "..".
 */
#pragma once

#include "engine/tcw-engine.h"

G_BEGIN_DECLS

#define TCW_MOCK_TYPE_ENGINE (tcw_mock_engine_get_type ())
G_DECLARE_FINAL_TYPE (TcwMockEngine, tcw_mock_engine, TCW_MOCK, ENGINE, GObject)

TcwMockEngine *tcw_mock_engine_new (void);

G_END_DECLS
