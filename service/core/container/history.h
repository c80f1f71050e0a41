/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"

G_BEGIN_DECLS

/*
 * What was done to a container and by whom, and how its runs ended: each deed is an entry of the journal, and a line of
 * the file "history" in the container's directory, which goes with it. The file is bounded: the oldest lines go, of what users
 * did and of what happened by itself, each to its own bound. An
 * ephemeral container, which goes with its only run, has no such file.
 */

/* Note DEED of USER (a uid; BOTHY_NO_USER: the container's own, or the service's), which GROUNDS allowed him ("owner",
   "root", an action of polkit's; "": nobody was asked), with CONTAINER, whose directory is in CONTAINERS_FD. What can not
   be written is missing: a full disk keeps nobody from stopping a container. */
void bothy_history_note (
    int containers_fd, BothyContainer *container, guint32 user, const char *deed, const char *grounds);

/* Note how the run of CONTAINER that has just ended came to its end. */
void bothy_history_note_end (int containers_fd, BothyContainer *container);

/* What CONTAINERS_FD has of CONTAINER, the oldest first: a(tuss), µs since 1970, uid, deed, grounds. (floating) */
GVariant *bothy_history_read (int containers_fd, BothyContainer *container);

G_END_DECLS
