/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/process.h"
#include "core/images/image-store.h"
#include "core/registry/containers.h"

G_BEGIN_DECLS

/*
 * The programs that users run in containers, and those that ended less than a minute ago. What an earlier bothyd put
 * into a container is found when its supervisor tells.
 *
 * Signals: "added" (BothyProcess *), "removed" (BothyProcess *); "settled" (): one ended.
 */
#define BOTHY_TYPE_PROCESSES (bothy_processes_get_type ())
G_DECLARE_FINAL_TYPE (BothyProcesses, bothy_processes, BOTHY, PROCESSES, GObject)

/* MAX: how many one user may run. (transfer full) */
BothyProcesses *bothy_processes_new (BothyContainers *containers, BothyImageStore *images, guint max);

/* Run SPEC (taken over) in CONTAINER for USER; where SPEC says nothing, what the image says of its containers holds.
   Fails with WRONG_STATE unless the container runs, and with QUOTA_EXCEEDED. */
void bothy_processes_run (BothyProcesses *self,
                          BothyContainer *container,
                          guint32 user,
                          BothyProcessSpec *spec,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* (transfer full); NULL with an error. */
BothyProcess *bothy_processes_run_finish (BothyProcesses *self, GAsyncResult *result, GError **error);

/* In no order. (element-type BothyProcess) (transfer container) */
GList *bothy_processes_list (BothyProcesses *self);

G_END_DECLS
