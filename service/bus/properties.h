/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* What a BothyNode knows of its target: a BothyRegistry (the manager), BothyContainer, BothyImage, BothyKnownBridge,
   BothyOperation or BothyProcess. */

/* Whether the uid USER sees the manager without being asked anything: everybody does. */
gboolean bothy_properties_manager_visible (GObject *target, guint32 user);

/* Whether USER sees the container TARGET: its owner does. */
gboolean bothy_properties_container_visible (GObject *target, guint32 user);

/* Whether USER sees the image TARGET: whoever has it does. */
gboolean bothy_properties_image_visible (GObject *target, guint32 user);

/* Whether USER sees the bridge TARGET: whoever may put nics on it does. */
gboolean bothy_properties_bridge_visible (GObject *target, guint32 user);

/* Whether USER sees the operation TARGET: who began it does. */
gboolean bothy_properties_operation_visible (GObject *target, guint32 user);

/* Whether USER sees the process TARGET: who started it, and its container's owner, do. */
gboolean bothy_properties_process_visible (GObject *target, guint32 user);

/* The properties of TARGET as the uid USER, or nobody (BOTHY_NO_USER), sees them, a{sv} (floating); dbus/ says what each
   of them is. */
GVariant *bothy_properties_of_manager (GObject *target, guint32 user);
GVariant *bothy_properties_of_container (GObject *target, guint32 user);
GVariant *bothy_properties_of_image (GObject *target, guint32 user);
GVariant *bothy_properties_of_bridge (GObject *target, guint32 user);
GVariant *bothy_properties_of_operation (GObject *target, guint32 user);
GVariant *bothy_properties_of_process (GObject *target, guint32 user);

/* The name of ERROR on the bus; "" for NULL. It is static. */
const char *bothy_properties_error_name (const GError *error);

G_END_DECLS
