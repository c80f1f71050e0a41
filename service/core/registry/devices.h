/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Devices of the machine's that containers have: the record says which, and whenever one of them is plugged in while its
 * container runs, the container gets it.
 */

/* What there is to be asked before somebody's container gets devices. */
typedef struct {
  gboolean ask;           /* an administrator has to agree to the devices that are there now */
  gboolean approved_only; /* for BothyDevice: who asks is not the container's owner, nor root */
  char **approved;        /* their identities, for BothyDevice */
  char *vendor;           /* of the first of them, for people; or "" */
  char *model;
  char *nodes; /* of all of them: "/dev/…, /dev/…" */
} BothyDeviceVerdict;

/* VERDICT may not be NULL. */
void bothy_device_verdict_free (BothyDeviceVerdict *verdict);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyDeviceVerdict, bothy_device_verdict_free)

/*
 * Whether USER, who asks for it, may let CONTAINER have DEVICE: what is there of it now he has to be able to open himself. Fails
 * with NOT_AUTHORIZED when all that is there is for no container, or something of it nobody can agree to; what is not there is
 * seen when it is plugged in, and is for nobody else's container.
 */
void bothy_registry_weigh_device (BothyRegistry *self,
                                  BothyContainer *container,
                                  const BothyDevice *device,
                                  guint32 user,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);

/* (transfer full); NULL with an error. */
BothyDeviceVerdict *
bothy_registry_weigh_device_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Let CONTAINER have DEVICE. Fails with QUOTA_EXCEEDED, DEVICE_EXISTS, BUSY (also: another one has it), NO_SUCH_USER,
   NOT_AUTHORIZED or DEVICE_FAILED; then it has it not. */
void bothy_registry_add_device (BothyRegistry *self,
                                BothyContainer *container,
                                const BothyDevice *device,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* Let CONTAINER have the device NAME no more. Fails with NO_SUCH_DEVICE or BUSY. */
void bothy_registry_remove_device (BothyRegistry *self,
                                   BothyContainer *container,
                                   const char *name,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);

/* For both. FALSE with an error. */
gboolean bothy_registry_device_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* What devices the machine has that USER could let a container of his have, for Manager.ListDevices. */
void bothy_registry_list_devices (BothyRegistry *self,
                                  guint32 user,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);

/* (aa{sv}) (transfer full); NULL with an error. */
GVariant *bothy_registry_list_devices_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* An earlier bothyd was killed while it gave CONTAINER a device: that was never there. */
void bothy_registry_settle_devices (BothyRegistry *self, BothyContainer *container);

G_END_DECLS
