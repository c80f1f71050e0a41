/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "core/container/container.h"
#include "platform/device-monitor.h"

G_BEGIN_DECLS

/* A device that a container has, or is about to have, or that is being taken away. */
typedef struct {
  gatomicrefcount references;
  char *device; /* the name of the BothyDevice that it is plugged in for */
  BothyHostDevice *host;
  gboolean claimed;  /* its user may have it, and of what only one can have, it is his */
  gboolean made;     /* there is a node of it */
  gboolean given;    /* and it is in /dev */
  gboolean stale;    /* nobody may open it any more; what is left of it goes */
  gboolean revoking; /* that has been said to bothy-helper, which has not answered */
} BothyPlug;

/* Returns SELF, with a reference more. */
BothyPlug *bothy_plug_ref (BothyPlug *self);

/* Gives a reference back. */
void bothy_plug_unref (BothyPlug *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyPlug, bothy_plug_unref)

/* Whether SELF is HOST's number: the one that is there now may be another device than then. */
gboolean bothy_plug_is_of (const BothyPlug *self, const BothyHostDevice *host);

/*
 * What a container that runs has of the machine's devices, beside what it is to have, and why something can not be. It does
 * nothing: see plugs.h.
 */
typedef struct {
  BothyContainer *container;
  GPtrArray *plugs;    /* BothyPlug */
  gboolean over;       /* the container has ended: it is to have nothing */
  GHashTable *refused; /* private */
  GHashTable *tried;   /* private */
} BothyPlugged;

/* Nothing is plugged into CONTAINER yet. (transfer full) */
BothyPlugged *bothy_plugged_new (BothyContainer *container);

/* SELF may not be NULL. */
void bothy_plugged_free (BothyPlugged *self);

/* "NAME\tNODE" of each that is in /dev. (element-type char *) (transfer full) */
GPtrArray *bothy_plugged_list_nodes (const BothyPlugged *self);

/* Whether what PLUG was made for is still so: the same device, plugged in that once, and still asked for. HOSTS are all that
   there are (element-type BothyHostDevice). */
gboolean bothy_plugged_is_current (const BothyPlugged *self, const BothyPlug *plug, GPtrArray *hosts);

/* The one with HOST's number. (transfer none); NULL: there is none. */
BothyPlug *bothy_plugged_find (const BothyPlugged *self, const BothyHostDevice *host);

/* One of HOSTS that is asked for, not plugged in and not refused, in RET_HOST, and what it is asked for as. Both (transfer
   none); NULL: there is none. */
const BothyDevice *
bothy_plugged_find_missing (const BothyPlugged *self, GPtrArray *hosts, BothyHostDevice **ret_host);

/* From now on HOST is about to be plugged in, as DEVICE; and it was tried. (transfer none) */
BothyPlug *bothy_plugged_add (BothyPlugged *self, const BothyDevice *device, BothyHostDevice *host);

/* One of which only the name in /dev is left, or nothing. (transfer none); NULL: there is none. */
BothyPlug *bothy_plugged_find_revoked (const BothyPlugged *self);

/* Whether bothy-helper has yet to answer that one can not be opened any more. */
gboolean bothy_plugged_is_revoking (const BothyPlugged *self);

/* Whether HOST was tried as DEVICE since bothy_plugged_forget_tries(). Those that wait do so for what there was when they
   came, tried once: what is tried again meanwhile does not keep them. */
gboolean
bothy_plugged_was_tried (const BothyPlugged *self, const BothyDevice *device, const BothyHostDevice *host);

/* All are to be tried before nobody waits any more. */
void bothy_plugged_forget_tries (BothyPlugged *self);

/* PLUG can not be, as ERROR says, which is taken over: it is not tried again until something of the device changes. */
void bothy_plugged_refuse (BothyPlugged *self, const BothyPlug *plug, GError *error);

/* What was refused with CODE of HOST, or of all (NULL), may be tried again. */
void bothy_plugged_forget_refusals (BothyPlugged *self, const BothyHostDevice *host, BothyErrorCode code);

/* Whatever was refused may be tried again. */
void bothy_plugged_forget_all_refusals (BothyPlugged *self);

/* Why something of the device NAME could not be plugged in. (transfer none); NULL: nothing was refused. */
const GError *bothy_plugged_get_refusal (const BothyPlugged *self, const char *name);

G_END_DECLS
