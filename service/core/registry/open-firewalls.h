/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Let other firewalls of this machine pass what comes from or goes to the bridge, as far as that can be done soundly: docker's and
   ufw's in the chains that they leave to people, firewalld's by its zone for shared bridges. */
void bothy_open_firewalls (BothyRegistry *registry, GAsyncReadyCallback callback, gpointer user_data);

/* An a(ssss) as bothy_report_firewalls() makes it (transfer full); NULL with an error: nothing was changed. */
GVariant *bothy_open_firewalls_finish (GAsyncResult *result, GError **error);

G_END_DECLS
