/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "words.h"

#include <glib/gi18n.h>
#include <locale.h>
#include <string.h>

#define ERROR_PREFIX    "org.bothy.Bothy1.Error."
#define STANDARD_PREFIX "org.freedesktop.DBus.Error." /* of what D-Bus has a name for */

typedef struct {
  const char *name;
  const char *sentence;
} Words;

/* One for each name that the service's errors have, and for those of the bus that a person may meet. */
static const Words errors[] = {
  { "Failed", N_ ("It did not work.") },
  { "InvalidArgs", N_ ("The service does not take this value.") },
  { "NoSuchContainer", N_ ("There is no such container any more.") },
  { "ContainerExists", N_ ("There is a container with this name already.") },
  { "NoContainerForPID", N_ ("That process runs in no container.") },
  { "NoSuchImage", N_ ("There is no such image.") },
  { "ImageInUse", N_ ("A container stands on this image.") },
  { "QuotaExceeded", N_ ("This is more than you may have.") },
  { "LimitsExceeded", N_ ("This is too large for the service.") },
  { "NoFreeRange", N_ ("This computer has no user ids left for another container.") },
  { "Degraded", N_ ("A record of the service can not be read.") },
  { "WrongState", N_ ("This can not be done in the state that it is in.") },
  { "Busy", N_ ("Something else is being done with it.") },
  { "PortInUse", N_ ("Something else has this port.") },
  { "StartFailed", N_ ("It could not be started.") },
  { "IdmapUnsupported", N_ ("The disk's file system can not hold containers.") },
  { "NoSuchUser", N_ ("There is no such user in the container.") },
  { "NoSuchProgram", N_ ("There is no such program in the container.") },
  { "NotExecutable", N_ ("This program of the container can not be run.") },
  { "NoSuchUserMapping", N_ ("This id does not belong to the container.") },
  { "BadArchive", N_ ("This file is no image, or it is damaged.") },
  { "NoSpace", N_ ("There is no space left.") },
  { "Cancelled", N_ ("It was cancelled.") },
  { "NotYours", N_ ("This does not belong to you.") },
  { "AlreadyMapped", N_ ("These ids are in use already.") },
  { "PartialMap", N_ ("These ids are in use in part.") },
  { "NoSuchBridge", N_ ("There is no such network.") },
  { "BridgeExists", N_ ("There is a network with this name already.") },
  { "BridgeInUse", N_ ("Containers are connected to this network.") },
  { "NotManaged", N_ ("Somebody else manages this network.") },
  { "NoSuchAccount", N_ ("There is no such account.") },
  { "NoSuchRemote", N_ ("There is no such image server.") },
  { "RemoteFailed", N_ ("The image server does not answer as it should.") },
  { "NotVerified", N_ ("The image is not the one that its maker has signed.") },
  { "DeviceFailed", N_ ("This device can not be used.") },
  { "DeviceExists", N_ ("There is a device with this name already.") },
  { "NoSuchDevice", N_ ("There is no such device.") },
  { "MountFailed", N_ ("This folder can not be shared.") },
  { "NoSuchMount", N_ ("This folder is not shared any more.") },
  { "UnknownObject", N_ ("It does not exist any more.") },
  { "UnknownMethod", N_ ("The service is of another version than this application.") },
  { "UnknownInterface", N_ ("The service is of another version than this application.") },
  { "UnknownProperty", N_ ("The service is of another version than this application.") },
  { "PropertyReadOnly", N_ ("This can not be changed.") },
  { "NoSuchVolume", N_ ("There is no such volume.") },
  { "VolumeExists", N_ ("There is a volume with this name already.") },
  { "VolumeInUse", N_ ("A container has this volume.") },
  { "NoSuchSnapshot", N_ ("There is no such snapshot.") },
  { "SnapshotExists", N_ ("There is a snapshot with this name already.") },
  { "Crashed", N_ ("Its first program crashed.") },
  { "OutOfMemory", N_ ("It used all its memory.") },
  { "GaveUp", N_ ("It ended too often, and is not started again.") },
  { "NotAuthorized", N_ ("You may not do this.") },
  { "NotAuthorizedCanObtain", N_ ("This needs an administrator’s password.") },
  { "NotAuthorizedDismissed", N_ ("The password was not given.") },
  { "org.freedesktop.DBus.Error.ServiceUnknown", N_ ("Bothy’s service is not installed.") },
  { "org.freedesktop.DBus.Error.NoReply", N_ ("The service ended while it worked.") },
  { "org.freedesktop.DBus.Error.Disconnected", N_ ("The connection to the system was lost.") },
  { "org.freedesktop.DBus.Error.TimedOut", N_ ("The service did not start in time.") },
  { "org.freedesktop.DBus.Error.AccessDenied", N_ ("The system does not let you talk to the service.") },
  { "org.freedesktop.systemd1.UnitMasked", N_ ("An administrator has switched the service off.") },
};

static const Words states[] = {
  { "stopped", N_ ("Stopped") },    { "starting", N_ ("Starting…") }, { "running", N_ ("Running") },
  { "freezing", N_ ("Freezing…") }, { "frozen", N_ ("Frozen") },      { "stopping", N_ ("Stopping…") },
  { "failed", N_ ("Failed") },
};

static const Words reasons[] = {
  { "administrator", N_ ("An administrator did it") },
  { "autostart", N_ ("It was started by itself") },
  { "on-demand", N_ ("It was started on demand") },
  { "restart", N_ ("It was started again by itself") },
  { "exited", N_ ("Its first program ended") },
  { "crashed", N_ ("It crashed") },
  { "out-of-memory", N_ ("It used all its memory") },
  { "shutdown", N_ ("The computer was shut down") },
  { "unhealthy", N_ ("It was not well") },
};

static const Words phases[] = {
  { "waiting", N_ ("Waiting for its turn") },
  { "looking", N_ ("Looking for the image") },
  { "downloading", N_ ("Downloading") },
  { "unpacking", N_ ("Unpacking") },
  { "creating", N_ ("Making the container") },
  { "starting", N_ ("Starting") },
  { "snapshotting", N_ ("Making the snapshot") },
  { "restoring", N_ ("Restoring") },
  { "removing", N_ ("Removing") },
  { "removing files", N_ ("Removing") },
  { "copying", N_ ("Copying") },
  { "packing", N_ ("Packing") },
  { "comparing", N_ ("Comparing") },
  { "done", N_ ("Done") },
  { "failed", N_ ("Failed") },
};

static const Words kinds[] = {
  { "launch-container", N_ ("Making a Container") },
  { "pull-image", N_ ("Getting an Image") },
  { "import-image", N_ ("Reading an Image") },
  { "export-image", N_ ("Writing an Image") },
  { "delete-container", N_ ("Removing Files") },
  { "create-snapshot", N_ ("Making a Snapshot") },
  { "restore-snapshot", N_ ("Restoring a Snapshot") },
  { "remove-snapshot", N_ ("Deleting a Snapshot") },
  { "diff-snapshot", N_ ("Comparing Files of a Container") },
  { "copy-container", N_ ("Copying a Container") },
  { "commit-container", N_ ("Making an Image") },
  { "copy-from", N_ ("Copying Files out of a Container") },
  { "copy-to", N_ ("Copying Files into a Container") },
  { "export-container", N_ ("Exporting a Container") },
  { "adopt-container", N_ ("Adopting a Container") },
  { "undo-adoption", N_ ("Giving a Container Back") },
};

/* Kinds of devices, as ListDevices has them. */
static const Words devices[] = {
  { "gpu", N_ ("Graphics") },
  { "sound", N_ ("Sound") },
  { "camera", N_ ("Camera") },
  { "input", N_ ("Keyboard, mouse or game controller") },
  { "serial", N_ ("Serial port") },
  { "kvm", N_ ("Virtual machines") },
  { "tun", N_ ("Tunnels of networks") },
  { "fuse", N_ ("File systems of programs") },
  { "usb", N_ ("USB device") },
  { "hid", N_ ("Input device") },
};

void
app_words_begin (void)
{
  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LOCALE_DIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}

static const char *
look_up (const Words *words, gsize n_words, const char *name)
{
  for (gsize i = 0; i < n_words; i++)
    if (g_str_equal (words[i].name, name))
      return _ (words[i].sentence);
  return NULL;
}

/* NAME without what is the same in all of the service's names, or in all of D-Bus's own. */
static const char *
last_part (const char *name)
{
  static const char *const prefixes[] = { ERROR_PREFIX, STANDARD_PREFIX };

  for (gsize i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_str_has_prefix (name, prefixes[i]))
      return name + strlen (prefixes[i]);
  return name;
}

const char *
app_words_for_name (const char *name)
{
  const char *sentence = look_up (errors, G_N_ELEMENTS (errors), name);

  return sentence ? sentence : look_up (errors, G_N_ELEMENTS (errors), last_part (name));
}

const char *
app_words_for_error (const GError *error)
{
  g_autofree char *name = g_dbus_error_get_remote_error (error);
  const char *sentence = name ? app_words_for_name (name) : NULL;

  return sentence ? sentence : app_words_for_name ("Failed");
}

char *
app_words_details (const GError *error)
{
  g_autoptr (GError) copy = g_error_copy (error);

  g_dbus_error_strip_remote_error (copy);
  return g_strdup (copy->message);
}

GError *
app_words_error_from_name (const char *name, const char *text)
{
  if (g_dbus_is_interface_name (name))
    return g_dbus_error_new_for_dbus_error (name, text);
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, text);
}

gboolean
app_words_is_dismissal (const GError *error)
{
  g_autofree char *name = g_dbus_error_get_remote_error (error);

  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
         g_strcmp0 (name, ERROR_PREFIX "NotAuthorizedDismissed") == 0 ||
         g_strcmp0 (name, ERROR_PREFIX "Cancelled") == 0;
}

const char *
app_words_state (const char *state)
{
  const char *word = look_up (states, G_N_ELEMENTS (states), state);

  return word ? word : _ ("Unknown");
}

const char *
app_words_reason (const char *reason)
{
  return look_up (reasons, G_N_ELEMENTS (reasons), reason);
}

const char *
app_words_phase (const char *phase)
{
  const char *words = look_up (phases, G_N_ELEMENTS (phases), phase);

  return words ? words : _ ("Working");
}

const char *
app_words_kind (const char *kind)
{
  const char *words = look_up (kinds, G_N_ELEMENTS (kinds), kind);

  return words ? words : _ ("Working");
}

const char *
app_words_device (const char *class)
{
  const char *words = look_up (devices, G_N_ELEMENTS (devices), class);

  return words ? words : _ ("Device");
}

const char *
app_words_verified (const char *verified)
{
  if (g_str_has_prefix (verified, "signature:"))
    return _ ("Signed");
  return g_str_equal (verified, "sha256") ? _ ("Checksum") : _ ("Not checked");
}

char *
app_words_when (guint64 microseconds, GDateTime *now)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc ((gint64)(microseconds / G_USEC_PER_SEC));
  g_autoptr (GDateTime) then = utc ? g_date_time_to_timezone (utc, g_date_time_get_timezone (now)) : NULL;
  g_autoptr (GDateTime) yesterday = g_date_time_add_days (now, -1);

  if (then == NULL)
    return g_strdup (_ ("at an unknown time"));
  if (g_date_time_get_year (then) == g_date_time_get_year (now) &&
      g_date_time_get_day_of_year (then) == g_date_time_get_day_of_year (now))
    /* Translators: of today, such as 10:45; see strftime(3). */
    return g_date_time_format (then, _ ("today at %H:%M"));
  if (g_date_time_get_year (then) == g_date_time_get_year (yesterday) &&
      g_date_time_get_day_of_year (then) == g_date_time_get_day_of_year (yesterday))
    return g_date_time_format (then, _ ("yesterday at %H:%M"));
  return g_date_time_format (then, _ ("on %x"));
}
