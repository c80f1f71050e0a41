/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/runner.h"

G_BEGIN_DECLS

/* Find out whether CONTAINER, which was loaded from disk, still runs: connect to the supervisor that an earlier
   bothyd left, if there is one, and go on with it; else clear away what is left of the run. It never fails. */
void bothy_runner_reconnect (BothyRunner *self,
                             BothyContainer *container,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
void bothy_runner_reconnect_finish (BothyRunner *self, GAsyncResult *result);

G_END_DECLS
