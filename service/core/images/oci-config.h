/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image.h"

G_BEGIN_DECLS

/* How they are asked whether they are well; TEST is NULL or empty where nobody says. Times in µs, 0 where none was said. */
typedef struct {
  const char *const *test;
  guint64 interval, timeout, start_period, start_interval;
  guint64 retries;
} BothyOciHealth;

/* What containers of an OCI image are to do; each text or list may be NULL. */
typedef struct {
  const char *const *entrypoint; /* words, NULL at the end, as in all lists */
  const char *const *command;
  const char *const *environment; /* NAME=VALUE */
  const char *user;
  const char *directory; /* where they begin */
  int stop_signal;       /* 0: that of whatever runs */
  BothyOciHealth health;
} BothyOciProcess;

/*
 * The configuration of an OCI image that has the files of IMAGE, or files like its, and whose containers do what PROCESS says;
 * with NULL for that, what IMAGE says: a JSON object without the brace at its end, for its layers are still to come. What is
 * not UTF-8 in it becomes U+FFFD. (transfer full); NULL with LIMITS_EXCEEDED: it is longer than what packs takes.
 */
char *bothy_oci_config_describe (const BothyImage *image, const BothyOciProcess *process, GError **error);

G_END_DECLS
