/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <polkit/polkit.h>

#include "bus/client.h"

G_BEGIN_DECLS

/*
 * Ask polkit whether CLIENT, by its name on the bus, may do ACTION. INTERACTIVE: the user
 * may be asked for a password, one dialog at a time. Root may everything and is not
 * asked about. Everything but a clear yes is no: polkit missing, late or confused.
 * DETAILS (or NULL: none) is copied. CALLBACK gets no source object.
 */
void bothy_authority_check (BothyClient *client,
                            const char *action,
                            PolkitDetails *details,
                            gboolean interactive,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* TRUE: he may. FALSE: NOT_AUTHORIZED; ..._CAN_OBTAIN: the user could be asked; ..._DISMISSED: he said no. */
gboolean bothy_authority_check_finish (GAsyncResult *result, GError **error);

/* Ask polkit, but never the user, whether CLIENT may see others' containers now; ANSWER is called once, with
   USER_DATA. */
void bothy_authority_ask_inspect (BothyClient *client,
                                  void (*answer) (gboolean may, gpointer user_data),
                                  gpointer user_data);

G_END_DECLS
