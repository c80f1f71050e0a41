/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A directory of the machine's, or a volume, that is to be seen in a container, as its owner asked for it. */
typedef struct {
  char *source;      /* absolute path on the machine, any bytes; of a volume its name */
  char *volume;      /* of a volume its id, or "" until that is known; NULL: it is a directory */
  char *destination; /* absolute path inside, each part once: no ".", "..", "//" */
  guint32 uid, gid;  /* who inside has the owner's files */
  gboolean read_only;
  guint64 device, inode; /* what was there; so that nothing else is mounted in its place */
  char *boot;            /* in which boot of the machine: a file system may have another device in the next */
  gboolean unsettled;    /* it is being mounted or taken away: a bothyd that finds this takes it away */
} BothyMount;

/* MOUNT may not be NULL. */
void bothy_mount_free (BothyMount *mount);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyMount, bothy_mount_free)

/* A copy of MOUNT. (transfer full) */
BothyMount *bothy_mount_copy (const BothyMount *mount);

/*
 * SOURCE at DESTINATION, for USER: "UID" or "UID:GID", "" or "root" for root. The directory is DEVICE and INODE now.
 * (transfer full); NULL with INVALID_ARGS, which names what makes no sense, such as a DESTINATION at or in /proc, /sys or /dev.
 */
BothyMount *bothy_mount_new (const char *source,
                             const char *destination,
                             const char *user,
                             gboolean read_only,
                             guint64 device,
                             guint64 inode,
                             GError **error);

/* The volume called NAME at DESTINATION; its id is not known yet. (transfer full); NULL with INVALID_ARGS. */
BothyMount *
bothy_mount_new_volume (const char *name, const char *destination, gboolean read_only, GError **error);

/* TEXT as a destination has it, without needless slashes. (transfer full); NULL with INVALID_ARGS. */
char *bothy_mount_parse_destination (const char *text, GError **error);

/* Whether the directory with DEVICE and INODE is the one that MOUNT was made for. */
gboolean bothy_mount_is_of (const BothyMount *mount, guint64 device, guint64 inode);

/* ---- those of a container: (element-type BothyMount), from the top of its tree down ---- */

/* An empty list. (transfer full) */
GPtrArray *bothy_mounts_new (void);

/* Put MOUNT (transfer full) into MOUNTS where it belongs. */
void bothy_mounts_add (GPtrArray *mounts, BothyMount *mount);

/* The one at DESTINATION. (transfer none); NULL: there is none. */
BothyMount *bothy_mounts_find (GPtrArray *mounts, const char *destination);

/* One that is below DESTINATION. (transfer none); NULL: there is none. */
BothyMount *bothy_mounts_find_below (GPtrArray *mounts, const char *destination);

/* Whether one more at DESTINATION may be there. FALSE with QUOTA_EXCEEDED, or MOUNT_FAILED: there is one already. */
gboolean bothy_mounts_check (GPtrArray *mounts, const char *destination, GError **error);

/* Write MOUNTS into RECORD, each in a group of its own. */
void bothy_mounts_to_record (GPtrArray *mounts, GKeyFile *record);

/* What RECORD says of them. (transfer full); NULL with DEGRADED when that makes no sense. */
GPtrArray *bothy_mounts_from_record (GKeyFile *record, GError **error);

/* As the bus shows them (aa{sv}), without those that are not settled. (transfer floating) */
GVariant *bothy_mounts_to_variant (GPtrArray *mounts);

G_END_DECLS
