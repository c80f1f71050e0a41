/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"

G_BEGIN_DECLS

/*
 * Who did what: each call that changed something, or let its caller in, is an entry of the journal, and if it was about a
 * container also of that container's history. Somebody who calls very often does not fill the disk: of what is beyond
 * some sixty calls in ten seconds, of one user and about things of one user, only the number is noted.
 */
typedef struct {
  guint32 user;              /* uid of the caller */
  const char *deed;          /* the method, and what polkit is told of the request */
  const char *grounds;       /* "owner", "root", or polkit's action */
  BothyContainer *container; /* that it was about, or NULL */
  int containers_fd;         /* where containers have their directories */
} BothyAuditDeed;

/* Note DEED: it was done, or something of it. */
void bothy_audit_note (const BothyAuditDeed *deed);

G_END_DECLS
