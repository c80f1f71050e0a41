/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "object.h"

G_BEGIN_DECLS

/* The files of a container, in the file manager of the person. */

/**
 * app_files_open:
 * @container: one that the application knows
 *
 * Has the service mount its files for the person, and the file manager show them. They can be shown only while it does
 * not run: if it does, a dialog says so, and offers to stop it, or to show the folders that it shares. What goes wrong is
 * told in the window, which is opened for it.
 */
void app_files_open (AppObject *container);

G_END_DECLS
