/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nic.h"

/* Does what protocol.h says of NET_FIND, for the namespace that is open as NETNS and stays the caller's. Returns 0, or an
   errno value with RET's step filled in; the caller frees RET's text. */
int nic_find (struct net *net, const struct net_request *request, int netns, struct outcome *ret);
