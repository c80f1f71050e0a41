/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/containers.h"

G_BEGIN_DECLS

/*
 * A user's containers that run know each other by name: their names and addresses are in the /etc/hosts of each. This
 * keeps those files as they have to be while containers come and go.
 */
#define BOTHY_TYPE_ETC_HOSTS (bothy_etc_hosts_get_type ())
G_DECLARE_FINAL_TYPE (BothyEtcHosts, bothy_etc_hosts, BOTHY, ETC_HOSTS, GObject)

/* Follow CONTAINERS. (transfer full) */
BothyEtcHosts *bothy_etc_hosts_new (BothyContainers *containers);

/* CONTAINER runs from now on: tell its owner's others of it, and it of them. */
void bothy_etc_hosts_tell (BothyEtcHosts *self, BothyContainer *container);

G_END_DECLS
