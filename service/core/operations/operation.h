/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Work that a caller may watch and cancel. Signals: "changed" (), "completed" (). */
#define BOTHY_TYPE_OPERATION (bothy_operation_get_type ())
G_DECLARE_FINAL_TYPE (BothyOperation, bothy_operation, BOTHY, OPERATION, GObject)

struct _BothyOperation {
  GObject parent;
  guint32 id;
  guint32 user; /* uid of who asked for it */
  const char *kind;
  const char *phase;
  char *subject;   /* what the user calls what it works on, or "" */
  double progress; /* 0 to 1, -1: not known */
  guint64 bytes;
  char *object_path;   /* "/" as long as there is none */
  gboolean at_work;    /* its turn has come */
  GPtrArray *warnings; /* texts for who asked */
  gint64 started_at;   /* µs since 1970: when it was asked for */
  guint64 total;       /* bytes there will be in the end; 0: not known */
  gboolean done;
  GError *error; /* once done */
  GCancellable *cancellable;
};

/* The operation ID of USER's, which is under way. KIND ("pull-image") and PHASE ("looking") are static; SUBJECT
   is what he calls what it works on ("debian/13"), or NULL. (transfer full) */
BothyOperation *
bothy_operation_new (guint32 id, guint32 user, const char *kind, const char *subject, const char *phase);

/* There will be TOTAL bytes (0: not known) when it is through; shown with what is told next. */
void bothy_operation_set_total (BothyOperation *self, guint64 total);

/* It has come as far as PROGRESS (0 to 1; -1: not known), and BYTES are there. */
void bothy_operation_set_progress (BothyOperation *self, double progress, guint64 bytes);

/* What is being done now; PHASE is static. */
void bothy_operation_set_phase (BothyOperation *self, const char *phase);

/* TEXT is worth a word, though it goes on. */
void bothy_operation_warn (BothyOperation *self, const char *text);

/* It ended: with OBJECT_PATH (or NULL), or with ERROR, which is copied. */
void bothy_operation_complete (BothyOperation *self, const char *object_path, const GError *error);

G_END_DECLS
