/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <NetworkManager.h>

G_BEGIN_DECLS

/* Whether NetworkManager has the bridge NAME up with the profile UUID, and the kernel has it; PORT, unless NULL, is a port of
   it. */
gboolean bothy_nm_activate_is_up (NMClient *client, const char *uuid, const char *name, const char *port);

/*
 * Have NetworkManager activate PROFILE, that of a bridge or of its port, and wait until the bridge NAME is up with the
 * profile UUID, and with PORT. Bounded in time. Fails with
 * BOTHY_ERROR, or with what bothy_nm_is_silence() knows.
 */
void bothy_nm_activate (NMClient *client,
                        NMConnection *profile,
                        const char *uuid,
                        const char *name,
                        const char *port,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
gboolean bothy_nm_activate_finish (GAsyncResult *result, GError **error);

G_END_DECLS
