/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/admission.h"

struct _BothyAdmission {
  BothyBridges *bridges;
  BothyNetwork *network;
  const BothyConfiguration *configuration;
  GQueue *waiting;    /* GTask: those who want in */
  GQueue *closing;    /* GTask: those who wait until nobody is in */
  GHashTable *closed; /* bridge → UUID of the profile that it has, or had */
  gboolean busy;      /* somebody is in */
};

/* As bothy_bridges_find_for(), and BUSY for one that is being deleted. */
BothyKnownBridge *
bothy_admission_find_open (BothyAdmission *self, const char *name, guint32 user, GError **error);

/* Nobody is in: so say those who wait for that. */
void bothy_admission_tell_closing (BothyAdmission *self);

void bothy_admission_init_closing (BothyAdmission *self);
void bothy_admission_clear_closing (BothyAdmission *self);
