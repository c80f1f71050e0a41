/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What is remembered beside the containers' records: in a directory that is gone after a boot, which boot this is and whose
 * login was seen in it; and on disk, whether anything is to be started by itself, so that a machine without such containers
 * does not even start bothyd at boot.
 */
typedef struct _BothyMarks BothyMarks;

/* BOOT_FD is RUNTIME/boot, STATE_FD is STATE; both stay the caller's. (transfer full); NULL with an error when the mark of
   this boot can not be read or made. */
BothyMarks *bothy_marks_new (int boot_fd, int state_fd, GError **error);

/* SELF may not be NULL. The marks stay. */
void bothy_marks_free (BothyMarks *self);

/* A text that is the same for every bothyd of one boot of the machine, and no other. (transfer none) */
const char *bothy_marks_get_boot (BothyMarks *self);

/* Whether the user UID is known to be logged in. */
gboolean bothy_marks_has_login (BothyMarks *self, guint32 uid);

/* The user UID is logged in, or is no more. */
void bothy_marks_set_login (BothyMarks *self, guint32 uid, gboolean in);

/* Call EACH for every user who is known to be logged in. */
void bothy_marks_each_login (BothyMarks *self, void (*each) (guint32 uid, gpointer data), gpointer data);

/* STATE/autostart is there (ANY), or is not: systemd looks at it at boot. FALSE with an error. */
gboolean bothy_marks_set_any (BothyMarks *self, gboolean any, GError **error);

G_END_DECLS
