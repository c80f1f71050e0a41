/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "platform/device-monitor.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/*
 * Puts devices of the machine's into the containers that are to have them, and takes them away when they are unplugged, any
 * number of times. A node is made by bothy-helper, and put into /dev by the container's supervisor. A container's "nodes" say
 * what it has.
 *
 * Signal: "changed" (): devices of the machine's came or went, or containers got or lost some; a few times a second at most.
 */
#define BOTHY_TYPE_PLUGS (bothy_plugs_get_type ())
G_DECLARE_FINAL_TYPE (BothyPlugs, bothy_plugs, BOTHY, PLUGS, GObject)

/* MONITOR says what devices there are. (transfer full) */
BothyPlugs *bothy_plugs_new (BothyHelperClient *helper, BothyDeviceMonitor *monitor);

/* What says which devices there are. (transfer none) */
BothyDeviceMonitor *bothy_plugs_get_monitor (BothyPlugs *self);

/* CONTAINER is being started under SUPERVISOR, whose root is being built: plug in what is there. What can not be is no
   reason not to start. FRESH: nothing of an earlier bothyd's is there. End it with bothy_plugs_finish(). */
void bothy_plugs_begin (BothyPlugs *self,
                        BothyContainer *container,
                        BothySupervisor *supervisor,
                        gboolean fresh,
                        GAsyncReadyCallback callback,
                        gpointer user_data);

/* CONTAINER's devices are others now: plug in and take away. End it with bothy_plugs_finish(). */
void bothy_plugs_sync (BothyPlugs *self,
                       BothyContainer *container,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* For both: it is done, or the container has ended. */
void bothy_plugs_finish (BothyPlugs *self, GAsyncResult *result);

/* Why something of the device NAME of CONTAINER's could not be plugged in. (transfer none); NULL: it is, or is not there. */
const GError *bothy_plugs_get_refusal (BothyPlugs *self, BothyContainer *container, const char *name);

/* Who has HOST, which only one may have, now. (transfer none); NULL: nobody. */
BothyContainer *bothy_plugs_find_holder (BothyPlugs *self, const BothyHostDevice *host);

/* Who may open which device himself may be others soon, as when somebody else sits at the machine now: look at that again. */
void bothy_plugs_check_again (BothyPlugs *self);

/* Nothing of CONTAINER runs: whatever was ever made for it, by an earlier bothyd too, nobody can open any more. */
void bothy_plugs_clear (BothyPlugs *self, const BothyContainer *container);

/* Nothing of CONTAINER runs any more. */
void bothy_plugs_end (BothyPlugs *self, BothyContainer *container);

G_END_DECLS
