/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What of a container can be limited, and how a person reads and sets it. */

#define APP_N_LIMITS 4

typedef struct {
  const char *key; /* of SetLimits */
  const char *title;
  const char *unit;
  double scale;   /* how much one of the unit is */
  double lowest;  /* in units, as the next three */
  double highest; /* 0: what the machine has */
  double step;
  double preset; /* what is proposed where there is none */
} AppLimit;

/** app_limits: title and unit are to be translated */
extern const AppLimit app_limits[APP_N_LIMITS];

/** app_limit_highest: Returns: the most that means anything on this machine, in units */
double app_limit_highest (const AppLimit *limit);

/** app_limit_digits: Returns: how many digits after the point are shown */
guint app_limit_digits (const AppLimit *limit);

/**
 * app_limit_value:
 * @all: (nullable): a{sv}, as SetLimits takes it
 *
 * Returns: what is said there, in units; 0: no limit, or nothing
 */
double app_limit_value (const AppLimit *limit, GVariant *all);

/** app_limit_pack: Returns: (floating): @value, in units, as SetLimits takes it; 0 is no limit */
GVariant *app_limit_pack (const AppLimit *limit, double value);

/** app_limit_describe: Returns: (transfer full): @value, in units, with its unit; 0 is no limit */
char *app_limit_describe (const AppLimit *limit, double value);

/** app_limits_summary: Returns: (transfer full): all that @all limits, in one line; "" where that is nothing */
char *app_limits_summary (GVariant *all);

G_END_DECLS
