/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"
#include "nss/protocol.h"

G_BEGIN_DECLS

/*
 * The addresses of the container that USER means by NAME: x1.bothy is his own x1, x1.alice.bothy that of
 * alice, which alice herself and root may find. None when it does not run, or is somebody else's.
 */
void bothy_host_lookup (BothyRegistry *registry, guint32 user, const char *name, struct names_reply *ret);

G_END_DECLS
