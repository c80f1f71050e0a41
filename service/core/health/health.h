/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How a container is asked whether it is well, and what it answered. */

/* Whether a container is well. */
typedef enum {
  BOTHY_HEALTH_UNKNOWN,  /* nobody asks it, or it does not run */
  BOTHY_HEALTH_STARTING, /* it has not answered well yet, nor failed often enough */
  BOTHY_HEALTH_HEALTHY,
  BOTHY_HEALTH_UNHEALTHY,
} BothyHealthState;

/* What is done with one that is not. */
typedef enum {
  BOTHY_UNHEALTHY_NONE,
  BOTHY_UNHEALTHY_RESTART,
  BOTHY_UNHEALTHY_STOP,
  BOTHY_UNHEALTHY_KILL, /* it ends as if it had crashed, so what is to be done then is */
} BothyUnhealthy;

#define BOTHY_HEALTH_MIN_TIME    (1 * G_USEC_PER_SEC) /* µs; but for the start period, which may be 0 */
#define BOTHY_HEALTH_MAX_TIME    (86400 * (guint64)G_USEC_PER_SEC)
#define BOTHY_HEALTH_MAX_RETRIES 1000

/* What is asked, and when. Numbers are 0 when they were not said. */
typedef struct {
  char **test; /* "NONE"; "CMD" and words; "CMD-SHELL" and a command; NULL or empty: nothing was said */
  guint64 interval, timeout, start_period, start_interval; /* µs */
  guint64 retries;
  BothyUnhealthy on_failure;
} BothyHealthCheck;

/* Free what SELF holds; nothing was said then. */
void bothy_health_check_clear (BothyHealthCheck *self);

/* Make SELF, which was cleared or is all zeros, a copy of OTHER. */
void bothy_health_check_copy (BothyHealthCheck *self, const BothyHealthCheck *other);

/* Where SELF says nothing, IMAGE holds, whose words and numbers may be any; and where that says nothing either, docker's presets:
   every 30 seconds, 30 seconds for an answer, and 3 in a row that are bad. */
void bothy_health_check_complete (BothyHealthCheck *self, const BothyHealthCheck *image);

/* Whether there is anything to ask. */
gboolean bothy_health_check_is_on (const BothyHealthCheck *self);

/* What a container runs to answer. (transfer full); NULL unless bothy_health_check_is_on() */
char **bothy_health_check_get_command (const BothyHealthCheck *self);

/* SELF's words and numbers, where they were said, are such as a container may have. FALSE with INVALID_ARGS. */
gboolean bothy_health_check_validate (const BothyHealthCheck *self, GError **error);

/* TEXT is "none", "restart", "stop" or "kill". FALSE with INVALID_ARGS. */
gboolean bothy_unhealthy_parse (const char *text, BothyUnhealthy *ret_deed, GError **error);

/* Write SELF, which is complete, into the group [Health] of a container's record, if there is anything to ask. */
void bothy_health_check_to_record (const BothyHealthCheck *self, GKeyFile *record);

/* Read SELF, which is all zeros, from there. What makes no sense is no check: a container that is not asked whether it is
   well is whole, and without one that can not be read no ids are given out to anybody. */
void bothy_health_check_from_record (BothyHealthCheck *self, GKeyFile *record);

/* As the bus shows it (a{sv}), empty where there is nothing to ask. (transfer floating) */
GVariant *bothy_health_check_to_variant (const BothyHealthCheck *self);

/* How long it is (µs) until one is asked again that is to be each INTERVAL, when N are of the same user: longer than that when they would be
   asked more than 20 times in a second together. */
guint64 bothy_health_get_pause (guint64 interval, guint n);

/* "", "starting", "healthy", "unhealthy", static. */
const char *bothy_health_state_name (BothyHealthState state);

/* What is called NAME there; BOTHY_HEALTH_UNKNOWN if nothing is. */
BothyHealthState bothy_health_state_from_name (const char *name);

G_END_DECLS
