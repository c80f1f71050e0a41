/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/device-monitor.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/* Whether USER may open HOST himself, for reading and writing: by the mode and the access list of the host's node, tried as he. It
   is not opened. */
void bothy_device_check_access (BothyHelperClient *helper,
                                guint32 user,
                                const BothyHostDevice *host,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* FALSE with NOT_AUTHORIZED: he may not; or with another error: it is not there. */
gboolean bothy_device_check_access_finish (BothyHelperClient *helper, GAsyncResult *result, GError **error);

/* A request of the kind OP about HOST. */
struct helper_request bothy_device_request (enum helper_op op, const BothyHostDevice *host);

G_END_DECLS
