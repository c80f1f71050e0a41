/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nic.h"

/* Does what protocol.h says of NET_FIND. */
int nic_find (struct net *net, const struct net_request *request, int netns, struct outcome *ret);
