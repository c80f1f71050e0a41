/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Look at what Bothy needs of this machine. It never fails. */
void bothy_diagnose (BothyRegistry *registry, GAsyncReadyCallback callback, gpointer user_data);

/* An a(ssss) with a line for each check: its name, "ok", "warning" or "error", what was found, what to do. (transfer full) */
GVariant *bothy_diagnose_finish (GAsyncResult *result);

G_END_DECLS
