/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-devices: reads what udev knows of devices, which is partly what devices say of themselves, and tells the broker. It
 * runs as a user who owns nothing, writes nowhere, and asks nobody; see protocol.h. That events come from udev, whose
 * process is root's, is checked by sd_device_monitor(3).
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <systemd/sd-device.h>
#include <systemd/sd-event.h>

#include "activation.h"
#include "devices.h"
#include "protocol.h"

#define RECEIVE_BUFFER                                                                                       \
  (16 * 1024 * 1024) /* of the kernel's, for events; what the machine's limit leaves of it */

struct watch {
  int connection; /* to the broker */
  sd_device_monitor *monitor;
};

/* Strings, each ended by a NUL. */
struct text {
  char bytes[DEVICES_MAX_TEXT];
  size_t used;
  bool full;
};

static void
add_text (struct text *text, const char *string)
{
  size_t size = strlen (string) + 1;

  if (size > sizeof text->bytes - text->used)
    text->full = true;
  else {
    memcpy (text->bytes + text->used, string, size);
    text->used += size;
  }
}

/* Waits for a broker that does not read: nothing is lost. */
static int
send_message (int connection, struct devices_message *message, const struct text *text)
{
  struct iovec parts[] = { { message, sizeof *message },
                           { (void *)(text ? text->bytes : NULL), text ? text->used : 0 } };
  struct msghdr packet = { .msg_iov = parts, .msg_iovlen = text ? 2 : 1 };

  message->version = DEVICES_PROTOCOL_VERSION;
  message->text_size = text ? (uint32_t)text->used : 0;
  return sendmsg (connection, &packet, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static const char *
get_property (sd_device *device, const char *key)
{
  const char *value;

  return sd_device_get_property_value (device, key, &value) >= 0 ? value : "";
}

static const char *
get_attribute (sd_device *device, const char *key)
{
  const char *value;

  return sd_device_get_sysattr_value (device, key, &value) >= 0 ? value : "";
}

/* What it is plugged in by: itself or what it is part of; NULL: it is not USB. */
static sd_device *
find_usb (sd_device *device)
{
  const char *subsystem, *type;
  sd_device *parent;

  if (sd_device_get_subsystem (device, &subsystem) >= 0 && strcmp (subsystem, "usb") == 0 &&
      sd_device_get_devtype (device, &type) >= 0 && strcmp (type, "usb_device") == 0)
    return device;
  return sd_device_get_parent_with_subsystem_devtype (device, "usb", "usb_device", &parent) >= 0 ? parent
                                                                                                 : NULL;
}

/* By what the kernel says of the USB device; else by what udev's rules say. */
static void
add_identity (struct text *text, sd_device *device)
{
  static const char *const attributes[] = { "idVendor", "idProduct", "serial" };
  static const char *const properties[] = { "ID_VENDOR_ID", "ID_MODEL_ID", "ID_SERIAL_SHORT" };
  sd_device *usb = find_usb (device);
  const char *port;
  bool is_usb = usb || strcmp (get_property (device, "ID_BUS"), "usb") == 0;

  for (size_t i = 0; i < 3; i++)
    add_text (text, !is_usb ? ""
                    : usb   ? get_attribute (usb, attributes[i])
                            : get_property (device, properties[i]));
  add_text (text, usb && sd_device_get_devpath (usb, &port) >= 0 ? port : "");
}

static void
add_names (struct text *text, sd_device *device)
{
  static const char *const keys[2][2] = { { "ID_VENDOR_FROM_DATABASE", "ID_VENDOR" },
                                          { "ID_MODEL_FROM_DATABASE", "ID_MODEL" } };
  static const char *const attributes[2] = { "manufacturer", "product" };
  sd_device *usb = find_usb (device);

  for (size_t i = 0; i < 2; i++) {
    const char *name = get_property (device, keys[i][0]);

    if (!*name)
      name = get_property (device, keys[i][1]);
    if (!*name && usb)
      name = get_attribute (usb, attributes[i]);
    add_text (text, name);
  }
}

static void
add_properties (struct text *text, sd_device *device)
{
  char pair[1024];
  unsigned n = 0;

  for (const char *value, *key = sd_device_get_property_first (device, &value);
       key && n < DEVICES_MAX_PROPERTIES; key = sd_device_get_property_next (device, &value))
    if (!device_property_is_passing (key) &&
        snprintf (pair, sizeof pair, "%s=%s", key, value) < (int)sizeof pair) {
      add_text (text, pair);
      n++;
    }
}

/* Which one MESSAGE is about; false: it has no node, and does not matter here. */
static bool
set_number (struct devices_message *message, sd_device *device)
{
  const char *subsystem = "";
  dev_t id;

  if (sd_device_get_devnum (device, &id) < 0)
    return false;
  sd_device_get_subsystem (device, &subsystem);
  message->major = major (id);
  message->minor = minor (id);
  message->is_block = strcmp (subsystem, "block") == 0;
  return true;
}

static int
tell_gone (int connection, sd_device *device)
{
  struct devices_message message = { .type = DEVICES_GONE };

  return set_number (&message, device) ? send_message (connection, &message, NULL) : 0;
}

static int
tell_device (int connection, sd_device *device)
{
  struct devices_message message = { .type = DEVICES_PRESENT };
  struct text text = { .used = 0 };
  const char *name, *subsystem = "", *path, *number = "";

  if (sd_device_get_devname (device, &name) < 0 || sd_device_get_devpath (device, &path) < 0 ||
      strncmp (name, "/dev/", 5) != 0 || !set_number (&message, device))
    return 0;
  sd_device_get_subsystem (device, &subsystem);
  sd_device_get_sysnum (device, &number);
  add_text (&text, name + 5);
  add_text (&text, subsystem);
  add_text (&text, path);
  add_text (&text, number ? number : "");
  add_identity (&text, device);
  add_names (&text, device);
  add_properties (&text, device);
  /* One that says so much is not told of, rather than half. */
  return text.full ? tell_gone (connection, device) : send_message (connection, &message, &text);
}

/* What sysfs and udev's database have of it: an event has more, which is not so any more when it is over. */
static int
tell_of_event (int connection, sd_device *event)
{
  sd_device *device = NULL;
  const char *path;
  int r = sd_device_get_syspath (event, &path);

  if (r >= 0)
    r = sd_device_new_from_syspath (&device, path);
  /* It is gone already, and that is an event of its own. */
  r = r < 0 ? 0 : tell_device (connection, device);
  sd_device_unref (device);
  return r;
}

static int
on_event (sd_device_monitor *monitor, sd_device *event, void *data)
{
  struct watch *watch = data;
  sd_device_action_t action;
  bool gone = sd_device_get_action (event, &action) >= 0 && action == SD_DEVICE_REMOVE;
  int r = gone ? tell_gone (watch->connection, event) : tell_of_event (watch->connection, event);

  if (r < 0)
    sd_event_exit (sd_device_monitor_get_event (monitor), EXIT_SUCCESS);
  return 0;
}

/* How many events the kernel had no room for. */
static uint32_t
count_lost (struct watch *watch)
{
  int fd = sd_event_source_get_io_fd (sd_device_monitor_get_event_source (watch->monitor));
  uint32_t figures[SK_MEMINFO_VARS] = { 0 };
  socklen_t size = sizeof figures;

  return getsockopt (fd, SOL_SOCKET, SO_MEMINFO, figures, &size) < 0 ? 0 : figures[SK_MEMINFO_DROPS];
}

/* After whatever woke us. What was lost is nowhere: the broker connects again, and is told of all. */
static int
on_woken (sd_event_source *source, void *data)
{
  struct watch *watch = data;

  if (count_lost (watch) == 0)
    return 0;
  fprintf (stderr, "bothy-devices: events were lost; all devices are looked at again\n");
  return sd_event_exit (sd_event_source_get_event (source), EXIT_SUCCESS);
}

/* The broker says nothing, so this is its end. */
static int
on_connection (sd_event_source *source, int fd, uint32_t events, void *data)
{
  return sd_event_exit (sd_event_source_get_event (source), EXIT_SUCCESS);
}

static int
tell_all (int connection)
{
  struct devices_message ready = { .type = DEVICES_READY };
  sd_device_enumerator *all = NULL;
  int r = sd_device_enumerator_new (&all);

  /* Also those that udev has not seen: there need not be an udev. */
  if (r >= 0)
    r = sd_device_enumerator_allow_uninitialized (all);
  if (r >= 0)
    r = sd_device_enumerator_add_match_property (all, "DEVNAME", "*");
  for (sd_device *device = r < 0 ? NULL : sd_device_enumerator_get_device_first (all); device && r >= 0;
       device = sd_device_enumerator_get_device_next (all))
    r = tell_device (connection, device);
  sd_device_enumerator_unref (all);
  return r < 0 ? r : send_message (connection, &ready, NULL);
}

static int
work (int connection)
{
  struct watch watch = { .connection = connection };
  sd_event *event = NULL;
  int r = sd_event_new (&event);

  if (r >= 0)
    r = sd_device_monitor_new (&watch.monitor);
  if (r >= 0)
    sd_device_monitor_set_receive_buffer_size (watch.monitor, RECEIVE_BUFFER);
  if (r >= 0)
    r = sd_device_monitor_attach_event (watch.monitor, event);
  /* Before all that are there are looked at, so that none is missed between. */
  if (r >= 0)
    r = sd_device_monitor_start (watch.monitor, on_event, &watch);
  if (r >= 0)
    r = sd_event_add_post (event, NULL, on_woken, &watch);
  if (r >= 0)
    r = sd_event_add_io (event, NULL, connection, EPOLLIN | EPOLLHUP, on_connection, NULL);
  if (r >= 0)
    r = tell_all (connection);
  if (r >= 0)
    r = sd_event_loop (event);
  sd_device_monitor_unref (watch.monitor);
  sd_event_unref (event);
  return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int
main (int argc, char **argv)
{
  int connection, r;

  if (activation_find (argc, argv, &connection) == ACTIVATION_NONE) {
    fprintf (stderr, "bothy-devices is started by systemd, for bothyd\n");
    return EXIT_FAILURE;
  }
  r = work (connection);
  if (r < 0)
    fprintf (stderr, "bothy-devices: %s\n", strerror (-r));
  return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
