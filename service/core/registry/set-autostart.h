/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* What is to change of how a container starts unasked; what is not given stays as it is. */
typedef struct {
  gboolean has_mode, has_delay, has_restart;
  BothyAutostart values; /* without "after" */
  char *after;           /* the name of another container, "" for none; NULL: it stays */
} BothyAutostartChange;

/* NULL is not allowed. */
void bothy_autostart_change_free (BothyAutostartChange *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyAutostartChange, bothy_autostart_change_free)

/* Whether CHANGE gives CONTAINER's owner more containers that are started unasked than the administrator lets him have.
   FALSE with QUOTA_EXCEEDED. */
gboolean bothy_registry_check_autostarts (BothyRegistry *self,
                                          BothyContainer *container,
                                          const BothyAutostartChange *change,
                                          GError **error);

/*
 * Change when CONTAINER is started unasked, now and for later bothyds. FALSE with BUSY; with NO_SUCH_CONTAINER if the one
 * that comes first is not there; with INVALID_ARGS if that would come after CONTAINER itself, which names them all, or
 * CONTAINER is ephemeral; or when it can not be written down.
 */
gboolean bothy_registry_set_autostart (BothyRegistry *self,
                                       BothyContainer *container,
                                       const BothyAutostartChange *change,
                                       GError **error);

/* From now on, keep up with containers that others come after, and with whether there is anything to start unasked. */
void bothy_registry_watch_autostarts (BothyRegistry *self);

G_END_DECLS
