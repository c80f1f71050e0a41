/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <polkit/polkit.h>

#include "bus/client.h"
#include "bus/objects.h"
#include "core/registry/registry.h"

G_BEGIN_DECLS

typedef struct _BothyRouter BothyRouter;
typedef struct _BothyRow BothyRow;

/*
 * One method call, from its arrival to its one reply. Its arguments do not change: what
 * was authorized is what is done.
 */
typedef struct {
  gatomicrefcount references;
  BothyRouter *router;
  BothyRegistry *registry;
  BothyClient *client;
  guint32 user; /* who calls */
  GDBusMessage *message;
  const char *path, *interface, *member;
  GVariant *args;   /* a tuple of the method's signature */
  GUnixFDList *fds; /* never NULL */
  const BothyRow *row;
  BothyNode *node;        /* looked up again after every question */
  GObject *asked_about;   /* what was at the path when somebody else's question was put, or NULL */
  PolkitDetails *details; /* what polkit is told */
  gboolean is_own;        /* said by prepare: it is about the caller's things only */
  gboolean is_foreign;    /* said by prepare: it is about somebody else's thing */
  GError *exceeds;     /* said by prepare: what is answered unless polkit authorizes the row's other action */
  gboolean may_exceed; /* polkit did */
  gboolean may_use;    /* polkit authorized what weigh wanted to be asked about */
  gboolean may_inspect; /* others' containers too */
  gboolean replied;
} BothyCall;

BothyCall *
bothy_call_new (BothyRouter *router, BothyRegistry *registry, BothyClient *client, GDBusMessage *message);
BothyCall *bothy_call_ref (BothyCall *self);
void bothy_call_unref (BothyCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyCall, bothy_call_unref)

/* Whether the caller lets polkit ask him something. */
gboolean bothy_call_is_interactive (BothyCall *self);

/* Reply with VALUE, a tuple (floating, NULL: an empty one), and FDS (or NULL). */
void bothy_call_return (BothyCall *self, GVariant *value);
void bothy_call_return_with_fds (BothyCall *self, GVariant *value, GUnixFDList *fds);

/* Reply with the one fd FD, which is closed, as handle 0 of VALUE. */
void bothy_call_return_fd (BothyCall *self, GVariant *value, int fd);

/* Reply with ERROR, which is freed; one of another domain becomes Failed. */
void bothy_call_return_error (BothyCall *self, GError *error);

/* Reply that there is nothing at this path: the same bytes whether it is missing or another's. */
void bothy_call_return_unknown_object (BothyCall *self);

/* The fd of handle INDEX, still the call's; -1 with INVALID_ARGS. */
int bothy_call_get_fd (BothyCall *self, gint32 index, GError **error);

/* The three fds of HANDLES (ah); or NULL, without ERROR when there are none. */
GUnixFDList *bothy_call_get_stdio (BothyCall *self, GVariant *handles, GError **error);

G_END_DECLS
