/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/containers.h"

G_BEGIN_DECLS

/*
 * One change of one container: from its beginning to its end nothing else is done to the container. Whoever changes what
 * is on record writes it down first, then has it done; what can not be done is taken back.
 */
typedef struct _BothyChange BothyChange;

/* Take back what was set in CONTAINER's fields; BEFORE is what the caller kept of how it was. */
typedef void (*BothyChangeUndo) (BothyContainers *containers, BothyContainer *container, gpointer before);

/* Begin to do WHAT (static, such as "starting") to CONTAINER. (transfer full); NULL with BUSY, which says what goes on,
   when something is done to it already. */
BothyChange *
bothy_change_begin (BothyContainers *containers, BothyContainer *container, const char *what, GError **error);

/* The container. (transfer none) */
BothyContainer *bothy_change_get_container (const BothyChange *self);

/* Fields of the container were set: write its record. UNDO and BEFORE, which is freed with FREE_BEFORE, take that back.
   FALSE with an error when it could not be written; then it has been taken back already. */
gboolean bothy_change_record (
    BothyChange *self, BothyChangeUndo undo, gpointer before, GDestroyNotify free_before, GError **error);

/* What is on record could not be done: take it back, in the record as well. FALSE: the disk did not take that, and may have either. */
gboolean bothy_change_roll_back (BothyChange *self);

/* It is over: others may go on with the container, and what follows the end of a run, if it ended meanwhile, is done
   before this returns. To be called before the caller of the change hears of its result. */
void bothy_change_end (BothyChange *self);

/* Ends it, if it has not ended. */
void bothy_change_free (BothyChange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyChange, bothy_change_free)

G_END_DECLS
