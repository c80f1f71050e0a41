/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <polkit/polkit.h>

#include "bus/arguments.h"
#include "bus/client.h"
#include "bus/objects.h"
#include "core/registry/registry.h"

G_BEGIN_DECLS

typedef struct _BothyRow BothyRow;

/*
 * One method call, from its arrival to its one reply. Its arguments are parsed once, and then they are gone: what
 * the row's check told polkit about, and what its handler does, is one and the same request.
 */
typedef struct _BothyCall BothyCall;
struct _BothyCall {
  gatomicrefcount references;
  BothyRegistry *registry;
  BothyObjects *objects;
  BothyClient *client; /* the reply goes over its connection */
  void (*ended) (gpointer data, guint32 user);
  gpointer ended_data;
  guint32 user;   /* the uid of who calls */
  guint32 serial; /* of his message, which the reply names */
  char *path, *interface, *member;
  gboolean is_interactive;   /* the caller lets polkit ask him something */
  gboolean replied;          /* also: he wants no reply */
  BothyArguments *arguments; /* NULL once they are parsed */
  gpointer request;          /* what the row's parser made of them; of the type that its handler knows */
  GDestroyNotify free_request;
  const BothyRow *row;
  BothyNode *node;      /* looked up again after every question */
  GObject *asked_about; /* what was at the path when somebody else's question was put, or NULL */
  GObject *about;       /* what the call is done to, also when it is gone by then; or NULL */
  const char
      *grounds; /* why the caller may: "owner", "root", or polkit's action; NULL: nobody wants to know */
  PolkitDetails *details; /* what polkit is told */
  PolkitDetails
      *also; /* said by check: what polkit is told of the row's "also", which is asked for, too; or NULL */
  gboolean is_own;     /* said by check: it is about the caller's things only */
  gboolean is_foreign; /* said by check: it is about somebody else's thing */
  GError *exceeds;     /* said by check: what is answered unless polkit authorizes the row's other action */
  gboolean may_exceed; /* polkit did */
  void (*weighed) (BothyCall *call, gboolean ask);
  gboolean may_use;     /* polkit authorized what weigh wanted to be asked about */
  gboolean may_inspect; /* others' containers too */
};

/* The call MESSAGE of CLIENT, with one reference. When the last one is gone, ENDED is called with ENDED_DATA and the
   caller's uid. */
BothyCall *bothy_call_new (BothyRegistry *registry,
                           BothyObjects *objects,
                           BothyClient *client,
                           GDBusMessage *message,
                           void (*ended) (gpointer data, guint32 user),
                           gpointer ended_data);

/* Take a reference, for who replies later. (transfer full) */
BothyCall *bothy_call_ref (BothyCall *self);

/* Let go of one; the last one frees the request, and tells whoever waits for the end of the call. */
void bothy_call_unref (BothyCall *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyCall, bothy_call_unref)

/* The row's weigh has found out: the call goes on, after polkit was asked for the row's other action if ASK. */
void bothy_call_weighed (BothyCall *self, gboolean ask);

/* Reply with VALUE, a tuple (floating, NULL: an empty one). What has grounds is noted as done. */
void bothy_call_return (BothyCall *self, GVariant *value);

/* The same with FDS, or NULL, which VALUE numbers; they stay the caller's. */
void bothy_call_return_with_fds (BothyCall *self, GVariant *value, GUnixFDList *fds);

/* Reply with the one fd FD, which is closed, as handle 0 of VALUE. */
void bothy_call_return_fd (BothyCall *self, GVariant *value, int fd);

/* Reply with ERROR, which is freed; one of another domain becomes Failed. */
void bothy_call_return_error (BothyCall *self, GError *error);

/* Reply with nothing, for it is done; or, if it is not NULL, with ERROR, which is freed. */
void bothy_call_return_done (BothyCall *self, GError *error);

/* Reply that there is nothing at this path: the same bytes whether it is missing or another's. */
void bothy_call_return_unknown_object (BothyCall *self);

/* The call is about the container NAME of OWNER's, there or not, who is not the caller: say so in its details, with the
   method and in words. */
void bothy_call_name_foreign (BothyCall *self, guint32 owner, const char *name);

G_END_DECLS
