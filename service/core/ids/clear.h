/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Ranges of ids that are given to nobody since somebody has an account among them, as directory servers may give out from within the
 * pool: he has called. Each has an empty file beside the records of ranges, so that a later bothyd knows it, too.
 */
typedef struct _BothyClear BothyClear;

/* The directory DIRFD stays the caller's, until the process ends. FIRST and END: the pool's first id, and the one after its last;
   nothing is given out elsewhere, so only what is in there is worth a file. (transfer full) */
BothyClear *bothy_clear_new (int dirfd, guint32 first, guint64 end);

/* The files stay. */
void bothy_clear_free (BothyClear *self);

/* Take in the file NAME of the directory. FALSE: it is none of ours. */
gboolean bothy_clear_load (BothyClear *self, const char *name);

/* Keep the range BASE clear as long as this process lives. */
void bothy_clear_add (BothyClear *self, guint32 base);

/* Whether the range BASE is kept clear. */
gboolean bothy_clear_has (BothyClear *self, guint32 base);

/* Keep the range BASE clear from now on; when CALLBACK is called, a later bothyd does so as well, also after a power cut. */
void bothy_clear_note (BothyClear *self, guint32 base, GAsyncReadyCallback callback, gpointer user_data);

/* FALSE: the disk did not take it, which was told in the log; the next time that it is noted, it is tried again. */
gboolean bothy_clear_note_finish (BothyClear *self, GAsyncResult *result);

G_END_DECLS
