/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "bus/client.h"
#include "bus/objects.h"
#include "core/ids/callers.h"

G_BEGIN_DECLS

/*
 * All calls to the service. GDBus's own dispatch would answer some questions about an object (does it exist, has it
 * this method, are these its arguments) before anybody can say whether the caller may see it. So every method call is
 * taken from the connection by a filter, and goes to where it is decided about once it is known who calls.
 *
 * Signals: "settled" (): no call is being worked on any more.
 */
#define BOTHY_TYPE_ROUTER (bothy_router_get_type ())
G_DECLARE_FINAL_TYPE (BothyRouter, bothy_router, BOTHY, ROUTER, GObject)

/* What is done with the method call MESSAGE of CLIENT, whose uid is known. It ends with bothy_router_call_ended(), at
   once or later. */
typedef void (*BothyDispatch) (BothyRouter *router,
                               BothyClient *client,
                               GDBusMessage *message,
                               gpointer user_data);

/* Take all method calls that arrive on CONNECTION to DISPATCH, but those of who has an id of RANGES: a container's
   process, which may ask for nothing. USER_DATA has to be there as long as the router is. (transfer full) */
BothyRouter *bothy_router_new (GDBusConnection *connection,
                               BothyRanges *ranges,
                               BothyDispatch dispatch,
                               gpointer user_data);

/* Answer no more. */
void bothy_router_close (BothyRouter *self);

/* What is shown on CONNECTION. (transfer none) */
BothyObjects *bothy_router_get_objects (BothyRouter *self);

/* Whether no call is being worked on. */
gboolean bothy_router_is_idle (BothyRouter *self);

/* One call of the uid USER got its reply. */
void bothy_router_call_ended (BothyRouter *self, guint32 user);

G_END_DECLS
