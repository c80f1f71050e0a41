/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* When a container is started without being asked for, and whether it is started again when it ends. */

typedef enum {
  BOTHY_AUTOSTART_NO,
  BOTHY_AUTOSTART_BOOT,      /* once in each boot of the machine */
  BOTHY_AUTOSTART_LOGIN,     /* when its owner's first session is opened */
  BOTHY_AUTOSTART_ON_DEMAND, /* when somebody connects to a port that leads to it, or is to run something in it */
} BothyAutostartMode;

typedef enum {
  BOTHY_RESTART_NO,
  BOTHY_RESTART_ON_FAILURE, /* unless its first process ended with 0 */
  BOTHY_RESTART_ALWAYS,
} BothyRestartPolicy;

#define BOTHY_AUTOSTART_MAX_DELAY 3600 /* seconds */

/* How often in a row one is started again that does not run for BOTHY_RESTART_STEADY_SECONDS, whatever its policy says:
   by then more than an hour has passed. */
#define BOTHY_RESTART_MAX_IN_A_ROW   100
#define BOTHY_RESTART_STEADY_SECONDS 10

typedef struct {
  BothyAutostartMode mode;
  guint32 delay; /* seconds */
  char *after;   /* the id of the container that comes first, which may be gone; "": none */
  BothyRestartPolicy restart;
  guint32 max_restarts; /* in a row; 0: BOTHY_RESTART_MAX_IN_A_ROW */
} BothyAutostart;

/* Free what SELF holds, and make it what a container has about which nothing was said. */
void bothy_autostart_clear (BothyAutostart *self);

/* Make SELF, which was cleared or is all zeros, a copy of OTHER. */
void bothy_autostart_copy (BothyAutostart *self, const BothyAutostart *other);

/* "no", "boot", "login", "on-demand", static. */
const char *bothy_autostart_mode_name (BothyAutostartMode mode);

/* TEXT is one of these. FALSE with INVALID_ARGS. */
gboolean bothy_autostart_parse_mode (const char *text, BothyAutostartMode *ret_mode, GError **error);

/* DELAY is from 0 to BOTHY_AUTOSTART_MAX_DELAY. FALSE with INVALID_ARGS. */
gboolean bothy_autostart_check_delay (guint32 delay, GError **error);

/* TEXT is "no", "always", "on-failure" or "on-failure:MAX", with MAX from 1 to BOTHY_RESTART_MAX_IN_A_ROW. FALSE with
   INVALID_ARGS. */
gboolean bothy_restart_parse (const char *text,
                              BothyRestartPolicy *ret_restart,
                              guint32 *ret_max_restarts,
                              GError **error);

/* SELF's policy as bothy_restart_parse() takes it. (transfer full) */
char *bothy_restart_format (const BothyAutostart *self);

/* Write SELF into the group [Autostart] of a container's record, unless nothing was said. */
void bothy_autostart_to_record (const BothyAutostart *self, GKeyFile *record);

/* Read SELF, which is all zeros, from there. FALSE with DEGRADED when it makes no sense. */
gboolean bothy_autostart_from_record (BothyAutostart *self, GKeyFile *record, GError **error);

/* As the bus shows it (a{sv}); AFTER is the name of the container that comes first, or "". (transfer floating) */
GVariant *bothy_autostart_to_variant (const BothyAutostart *self, const char *after);

/* The id of what the container ID comes after; NULL or "": nothing, or it is not there. (transfer none) */
typedef const char *(*BothyAutostartAfter) (const char *id, gpointer user_data);

/*
 * Where a circle would be if the container ID came after the container AFTER: the ids from ID by way of AFTER back to ID,
 * which is both the first and the last. (transfer full); NULL: there is none. LOOK_UP, with USER_DATA, says how all others
 * follow each other.
 */
char **bothy_autostart_find_circle (const char *id,
                                    const char *after,
                                    BothyAutostartAfter look_up,
                                    gpointer user_data);

/* Whether a container with SELF's policy is to run again that could not be started (FAILED), or whose first process ended
   with CODE or by SIGNAL (or 0). */
gboolean bothy_restart_is_wanted (const BothyAutostart *self, gboolean failed, int code, int signal);

/* How often in a row it may be. */
guint bothy_restart_get_max (const BothyAutostart *self);

/* How many ms pass from its end until it is started for the Nth time in a row: doubling from 100 to a minute. */
guint bothy_restart_get_delay (guint n);

G_END_DECLS
