/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Look at what Bothy needs of this machine. */
void bothy_diagnose (BothyRegistry *registry, GAsyncReadyCallback callback, gpointer user_data);

/* a(ssss): check, verdict, what was found, what to do. */
GVariant *bothy_diagnose_finish (GAsyncResult *result);

G_END_DECLS
