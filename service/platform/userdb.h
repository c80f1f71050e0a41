/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Give the first and the last id of a range a name, so that ps(1) shows one and other
 * allocators, which ask NSS for both ends, pass the range by: a record in
 * /run/userdb, which nss-systemd(8) reads; see nss-systemd(8), "STATIC DROP-IN FILES",
 * and the JSON User Records of systemd.io. The name is "bothy-N-root" (and "-last"),
 * N the range's place in the id space: it says nothing about the container.
 * Without /run/userdb: nothing. May be called from a thread.
 */
void bothy_userdb_publish (guint32 base, guint32 count);

/* Take the names of that range back: it is nobody's any more. Without them: nothing. May be called from a thread. */
void bothy_userdb_withdraw (guint32 base, guint32 count);

G_END_DECLS
