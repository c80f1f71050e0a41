/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/device-monitor.h"

G_BEGIN_DECLS

/* Which devices of the machine's are meant, as a user says it. */
typedef struct _BothyDeviceMatch BothyDeviceMatch;

/*
 * TEXT is one of
 *   usb:VENDOR:PRODUCT[:SERIAL]   four hexadecimal digits each
 *   path:/dev/NAME                one node
 *   KEY=VALUE[,KEY=VALUE…]        properties of udev's, all of them
 *   gpu sound camera input serial kvm tun fuse
 * (transfer full); NULL with INVALID_ARGS, which says what is wrong and what there is.
 */
BothyDeviceMatch *bothy_device_match_parse (const char *text, GError **error);

/* SELF may not be NULL. */
void bothy_device_match_free (BothyDeviceMatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyDeviceMatch, bothy_device_match_free)

/* As bothy_device_match_parse() takes it, in one way of writing. (transfer none) */
const char *bothy_device_match_text (const BothyDeviceMatch *self);

/* Whether HOST is meant. */
gboolean bothy_device_match_has (const BothyDeviceMatch *self, const BothyHostDevice *host);

/* ---- what may be done with a device of the machine's ---- */

typedef enum {
  BOTHY_DEVICE_NEVER, /* whoever agrees */
  BOTHY_DEVICE_ASK,   /* an administrator has to agree */
  BOTHY_DEVICE_OWN,   /* who may open it himself may have it in his container */
} BothyDeviceKind;

/* Which of these HOST is. */
BothyDeviceKind bothy_device_kind (const BothyHostDevice *host);

/* Whether HOST was made by a program, by uinput or uhid: it says of itself what that likes, so nobody can agree to it for the
   next time. */
gboolean bothy_device_is_made_up (const BothyHostDevice *host);

/* Whether HOST is USB's own node of what a disk of HOSTS (element-type BothyHostDevice) is part of: another way to the disk. */
gboolean bothy_device_has_disk (const BothyHostDevice *host, GPtrArray *hosts);

/* Whether several containers may have it at once. */
gboolean bothy_device_is_shared (const BothyHostDevice *host);

/* The class that it is of, as a match has it, or "usb", "hid", or "". (static) */
const char *bothy_device_class (const BothyHostDevice *host);

/* What stays the same when it is unplugged and plugged in again, and is another's with no other device: with USB what it is, and
   without a serial number at which port; else where it is. (transfer full) */
char *bothy_device_identity (const BothyHostDevice *host);

/* Never, if a program made HOST. Else whether the identity that was APPROVED, or a match of USB, which may be without a serial number, is HOST's. */
gboolean bothy_device_is_approved (const char *const *approved, const BothyHostDevice *host);

G_END_DECLS
