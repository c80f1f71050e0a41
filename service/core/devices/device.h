/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/devices/match.h"

G_BEGIN_DECLS

/* Devices that a container is to have, as its owner asked for them. */
typedef struct {
  char *name; /* the container's own for it: as containers are called */
  BothyDeviceMatch *match;
  char *user;             /* who inside has it: a user or user:group, looked up there; "": root */
  guint mode;             /* of its node inside */
  char *link;             /* what else it is called in /dev inside, with %n for the kernel's number; or "" */
  char **approved;        /* identities (bothy_device_identity()) that an administrator agreed to */
  gboolean approved_only; /* somebody else than its owner added it: what was not agreed to is not for it */
  gboolean unsettled;     /* it is being plugged in for the first time: a bothyd that finds this forgets it */
} BothyDevice;

/* DEVICE may not be NULL. */
void bothy_device_free (BothyDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyDevice, bothy_device_free)

/* A copy of DEVICE. (transfer full) */
BothyDevice *bothy_device_copy (const BothyDevice *device);

/*
 * NAME for what MATCH says, for the user OWNER and the GROUP inside ("": root's), with MODE (octal digits; "": 0660 with a group,
 * else 0600), and LINK or "". (transfer full); NULL with INVALID_ARGS, which names what makes no sense.
 */
BothyDevice *bothy_device_new (const char *name,
                               const char *match,
                               const char *owner,
                               const char *group,
                               const char *mode,
                               const char *link,
                               GError **error);

/* The link to HOST in /dev inside, or "". (transfer full) */
char *bothy_device_make_link (const BothyDevice *device, const BothyHostDevice *host);

/* ---- those of a container: (element-type BothyDevice) ---- */

/* An empty list. (transfer full) */
GPtrArray *bothy_devices_new (void);

/* The one called NAME. (transfer none); NULL: there is none. */
BothyDevice *bothy_devices_find (GPtrArray *devices, const char *name);

/* Whether one more called NAME may be there. FALSE with QUOTA_EXCEEDED or DEVICE_EXISTS. */
gboolean bothy_devices_check (GPtrArray *devices, const char *name, GError **error);

/* Write DEVICES into RECORD, each in a group of its own. */
void bothy_devices_to_record (GPtrArray *devices, GKeyFile *record);

/* What RECORD says of them. (transfer full); NULL with DEGRADED or INVALID_ARGS when that makes no sense. */
GPtrArray *bothy_devices_from_record (GKeyFile *record, GError **error);

/* As the bus shows them (aa{sv}); NODES says of each name (char *) what there is of it now, as NAME\tNODE each. (transfer floating) */
GVariant *bothy_devices_to_variant (GPtrArray *devices, GPtrArray *nodes);

G_END_DECLS
