/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <polkit/polkit.h>

#include "bus/client.h"

G_BEGIN_DECLS

/*
 * Ask polkit whether CLIENT, by its name on the bus, may do ACTION. INTERACTIVE: the user
 * may be asked for a password, one dialog at a time. Root may everything and is not
 * asked about. Everything but a clear yes is no: polkit missing, late or confused.
 * DETAILS is copied.
 */
void bothy_authority_check (BothyClient *client,
                            const char *action,
                            PolkitDetails *details,
                            gboolean interactive,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* FALSE: NOT_AUTHORIZED; ..._CAN_OBTAIN: the user could be asked; ..._DISMISSED: he said no. */
gboolean bothy_authority_check_finish (GAsyncResult *result, GError **error);

G_END_DECLS
