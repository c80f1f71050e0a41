/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/per-user.h"

G_BEGIN_DECLS

/*
 * One entry of the journal about one deed, with fields that can be searched for: BOTHY_USER, BOTHY_DEED, BOTHY_GROUNDS,
 * and where the deed is about a container BOTHY_CONTAINER (its name), BOTHY_ID and BOTHY_OWNER. A text is escaped, so that
 * nothing in it passes for something else.
 */
typedef struct {
  guint32 user;        /* whose deed it is; BOTHY_NO_USER: the service's own, or the container's */
  const char *deed;    /* such as "Stop", or "exited with 1" */
  const char *grounds; /* why that user might: "owner", "root", or polkit's action; "": nobody was asked */
  const char *name;    /* of the container; NULL: it is about none */
  const char *id;      /* of the container */
  guint32 owner;       /* of the container */
} BothyJournalEntry;

/* Write ENTRY. */
void bothy_journal_write (const BothyJournalEntry *entry);

G_END_DECLS
