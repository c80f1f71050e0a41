/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/router.h"

G_BEGIN_DECLS

/* Shows all that the registry has as objects of ROUTER, and keeps that so. */
void bothy_publisher_start (BothyRouter *router, BothyRegistry *registry);

char *bothy_publisher_image_path (BothyImage *image);
char *bothy_publisher_bridge_path (const char *name);
char *bothy_publisher_operation_path (BothyOperation *operation);
char *bothy_publisher_process_path (BothyProcess *process);

G_END_DECLS
