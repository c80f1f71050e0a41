/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Who sees what, and the properties (a{sv}, floating) as USER sees them. TARGET is the object's. */

gboolean bothy_properties_manager_visible (GObject *target, guint32 user);
gboolean bothy_properties_container_visible (GObject *target, guint32 user);
gboolean bothy_properties_image_visible (GObject *target, guint32 user);
gboolean bothy_properties_bridge_visible (GObject *target, guint32 user);
gboolean bothy_properties_operation_visible (GObject *target, guint32 user);
gboolean bothy_properties_process_visible (GObject *target, guint32 user);

GVariant *bothy_properties_of_manager (GObject *target, guint32 user);
GVariant *bothy_properties_of_container (GObject *target, guint32 user);
GVariant *bothy_properties_of_image (GObject *target, guint32 user);
GVariant *bothy_properties_of_bridge (GObject *target, guint32 user);
GVariant *bothy_properties_of_operation (GObject *target, guint32 user);
GVariant *bothy_properties_of_process (GObject *target, guint32 user);

/* "", or the D-Bus name of ERROR, a colon, a space and its text. */
char *bothy_properties_error_text (const GError *error);

G_END_DECLS
