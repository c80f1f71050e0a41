/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "bus/call.h"
#include "bus/client.h"
#include "bus/objects.h"
#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * All of the service's traffic. GDBus's own dispatch would answer some questions about
 * an object (does it exist, has it this method, are these its arguments) before anybody
 * can say whether the caller may see it. So every method call is taken from the
 * connection by a filter, and answered here and by the door; and every signal goes to
 * single connections, not to all.
 *
 * Signals: "settled" (): no call is being worked on any more.
 */
#define BOTHY_TYPE_ROUTER (bothy_router_get_type ())
G_DECLARE_FINAL_TYPE (BothyRouter, bothy_router, BOTHY, ROUTER, GObject)

BothyRouter *bothy_router_new (GDBusConnection *connection, BothyRegistry *registry);

/* Answer no more. */
void bothy_router_close (BothyRouter *self);

GDBusConnection *bothy_router_get_connection (BothyRouter *self);

/* Show NODE (taken over), and tell those who see it. */
void bothy_router_add (BothyRouter *self, BothyNode *node);
void bothy_router_remove (BothyRouter *self, const char *path);
/* What is at PATH stays, but USER, or everybody (BOTHY_NO_USER), did not see it before, or sees it no longer. */
void bothy_router_show (BothyRouter *self, const char *path, guint32 user);
void bothy_router_hide (BothyRouter *self, const char *path, guint32 user);
BothyNode *bothy_router_lookup (BothyRouter *self, const char *path);
/* All nodes, by path. (element-type BothyNode) (transfer container) */
GList *bothy_router_list (BothyRouter *self);

/* Properties of PATH may have other values: those who see it hear what changed. Those of
   INVALIDATED (or NULL) have a value of their own for each reader. */
void bothy_router_changed (BothyRouter *self, const char *path);
void bothy_router_invalidated (BothyRouter *self, const char *path, const char *property);

/* Emit SIGNAL (ARGS: a tuple, floating) of PATH to those who see it. */
void bothy_router_emit (BothyRouter *self, const char *path, const char *signal, GVariant *args);

/* Whether no call is being worked on. */
gboolean bothy_router_is_idle (BothyRouter *self);

/* One call of USER's got its reply. */
void bothy_router_call_ended (BothyRouter *self, guint32 user);

G_END_DECLS
