/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Ask systemd to stop the scopes of DESCRIPTION that there are now: an earlier broker's. Their
 * holders have ended with it, but systemd keeps a scope whose process died while it was put in.
 * Call it before the first scope is made on BUS: systemd answers a connection in order. KEPT: a set
 * of groups whose scopes are needed; their description may not have been changed any more.
 */
void bothy_sweep_scopes (GDBusConnection *bus, const char *description, GHashTable *kept);

G_END_DECLS
