/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nic.h"

/* Does what protocol.h says of NET_EXAMINE. Returns 0, or an errno value with RET's step filled in; the caller frees RET's
   text. */
int firewall_examine (struct net *net, struct outcome *ret);

/* Does what protocol.h says of NET_OPEN_FIREWALLS: all, or nothing. Returns 0, or an errno value with RET's step filled in; the
   caller frees RET's text. */
int firewall_open (struct net *net, struct outcome *ret);
