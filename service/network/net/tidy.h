/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nic.h"

/* All nics at once. The functions return 0, or an errno value with RET's step filled in. */

/* Does what protocol.h says of NET_LIST. The caller frees RET's text. */
int tidy_list (struct net *net, struct outcome *ret);

/* Does what protocol.h says of NET_TIDY. */
int tidy_up (struct net *net, struct outcome *ret);
