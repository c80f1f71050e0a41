/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A device of the machine's that has a node. All texts are UTF-8 without control characters and what nobody
   sees, and never NULL. */
typedef struct {
  gatomicrefcount references;
  guint32 major, minor;
  gboolean is_block;
  guint64 plugged;   /* a number of its own for each time that it was plugged in */
  char *name;        /* of its node, below /dev */
  char *subsystem;   /* as sysfs has it */
  char *path;        /* in sysfs */
  char *number;      /* the kernel's: the N of ttyUSBN; or "" */
  char *vendor;      /* of USB: four hexadecimal digits, or "" */
  char *product;     /* as vendor */
  char *serial;      /* of USB, or "" */
  char *port;        /* of USB: in sysfs, of the device as a whole; or "" */
  char *vendor_name; /* for people, at most 64 characters, or "" */
  char *model_name;  /* as vendor_name */
  char **properties; /* udev's: KEY=VALUE, in order */
} BothyHostDevice;

/* Returns SELF, with a reference more. */
BothyHostDevice *bothy_host_device_ref (BothyHostDevice *self);

/* Gives a reference back. */
void bothy_host_device_unref (BothyHostDevice *self);

/*
 * What devices the machine has, as bothy-devices tells it. Whatever that says wrongly: which node is made is decided by
 * what the kernel says of its number, see bothy-helper.
 *
 * Signals: "changed" (): devices came or went, or something of one changed.
 *          "touched" (BothyHostDevice *): udev did something with it: who may open its node may be others. At most once a second.
 */
#define BOTHY_TYPE_DEVICE_MONITOR (bothy_device_monitor_get_type ())
G_DECLARE_FINAL_TYPE (BothyDeviceMonitor, bothy_device_monitor, BOTHY, DEVICE_MONITOR, GObject)

/* CHILD: bothy-devices is started from here, as there is no systemd that would. (transfer full) */
BothyDeviceMonitor *bothy_device_monitor_new (gboolean child);

/* Begin to watch, if that is not done yet, and wait until all devices are known, for some seconds. */
void bothy_device_monitor_wait (BothyDeviceMonitor *self, GAsyncReadyCallback callback, gpointer user_data);

/* For bothy_device_monitor_wait(). FALSE with an error that says why not all devices are known. */
gboolean bothy_device_monitor_wait_finish (BothyDeviceMonitor *self, GAsyncResult *result, GError **error);

/* Whether it is known what devices there are. */
gboolean bothy_device_monitor_is_ready (BothyDeviceMonitor *self);

/* Nobody has watched for some seconds: none of those that were known can be counted on, and none is in the list. */
gboolean bothy_device_monitor_is_blind (BothyDeviceMonitor *self);

/* All that are known now, by name. (element-type BothyHostDevice) (transfer full) */
GPtrArray *bothy_device_monitor_list (BothyDeviceMonitor *self);

G_END_DECLS
