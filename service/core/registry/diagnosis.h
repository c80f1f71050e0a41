/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/configuration.h"

G_BEGIN_DECLS

/* What Diagnose() is about to answer. */
typedef struct {
  GVariantBuilder builder;
  BothyConfiguration configuration;
  gboolean degraded;
  guint n_ranges;
  gboolean has_builtin;
  char *firewalls;  /* NET_EXAMINE's text, or NULL */
  char *unexamined; /* why that is not there */
  char *silence;    /* what is wrong with NetworkManager, or NULL */
  char *bridge;     /* why the default bridge could not be brought up, or NULL */
} BothyDiagnosis;

/* One line of it. VERDICT: "ok", "warning" or "error". */
void bothy_diagnosis_say (
    BothyDiagnosis *self, const char *check, const char *verdict, const char *found, const char *advice);

/* What keeps packets of containers from where they should get. */
void bothy_diagnosis_check_network (BothyDiagnosis *self);

G_END_DECLS
