/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nic.h"

/* All nics at once: what NET_LIST and NET_TIDY do. They return 0 or an errno value, with RET's step. */
int tidy_list (struct net *net, struct outcome *ret);
int tidy_up (struct net *net, struct outcome *ret);
