/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Find root's containers of other tools, where these keep them; in a thread. */
void bothy_adopt_list (GAsyncReadyCallback callback, gpointer user_data);

/* a(ssss), as ListAdoptable has it. (transfer full) */
GVariant *bothy_adopt_list_finish (GAsyncResult *result);

G_END_DECLS
