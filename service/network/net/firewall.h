/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nic.h"

/* What NET_EXAMINE says. Returns 0 or an errno value. */
int firewall_examine (struct net *net, struct outcome *ret);
