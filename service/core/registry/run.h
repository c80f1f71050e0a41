/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Run a program in CONTAINER as bothy_processes_run() does, for USER; SPEC is taken over. One that is started on demand, and is
   stopped, or is being started, is started first. */
void bothy_registry_run (BothyRegistry *self,
                         BothyContainer *container,
                         guint32 user,
                         BothyProcessSpec *spec,
                         GAsyncReadyCallback callback,
                         gpointer user_data);

/* As bothy_processes_run_finish(); NULL also with the error that CONTAINER could not be started with. (transfer full) */
BothyProcess *bothy_registry_run_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS
