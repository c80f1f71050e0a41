/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

/* What D-Bus has a name for is called so, as the libraries of all languages know it. */
#define STANDARD(name) "org.freedesktop.DBus.Error." name
#define OURS(name)     "org.bothy.Bothy1.Error." name

static const char *const names[] = {
  [BOTHY_ERROR_FAILED] = OURS ("Failed"),
  [BOTHY_ERROR_INVALID_ARGS] = STANDARD ("InvalidArgs"),
  [BOTHY_ERROR_NO_SUCH_CONTAINER] = OURS ("NoSuchContainer"),
  [BOTHY_ERROR_CONTAINER_EXISTS] = OURS ("ContainerExists"),
  [BOTHY_ERROR_NO_CONTAINER_FOR_PID] = OURS ("NoContainerForPID"),
  [BOTHY_ERROR_NO_SUCH_IMAGE] = OURS ("NoSuchImage"),
  [BOTHY_ERROR_IMAGE_IN_USE] = OURS ("ImageInUse"),
  [BOTHY_ERROR_QUOTA_EXCEEDED] = OURS ("QuotaExceeded"),
  [BOTHY_ERROR_LIMITS_EXCEEDED] = OURS ("LimitsExceeded"),
  [BOTHY_ERROR_NO_FREE_RANGE] = OURS ("NoFreeRange"),
  [BOTHY_ERROR_DEGRADED] = OURS ("Degraded"),
  [BOTHY_ERROR_WRONG_STATE] = OURS ("WrongState"),
  [BOTHY_ERROR_BUSY] = OURS ("Busy"),
  [BOTHY_ERROR_PORT_IN_USE] = OURS ("PortInUse"),
  [BOTHY_ERROR_START_FAILED] = OURS ("StartFailed"),
  [BOTHY_ERROR_IDMAP_UNSUPPORTED] = OURS ("IdmapUnsupported"),
  [BOTHY_ERROR_NO_SUCH_USER] = OURS ("NoSuchUser"),
  [BOTHY_ERROR_NO_SUCH_PROGRAM] = OURS ("NoSuchProgram"),
  [BOTHY_ERROR_NOT_EXECUTABLE] = OURS ("NotExecutable"),
  [BOTHY_ERROR_NO_SUCH_USER_MAPPING] = OURS ("NoSuchUserMapping"),
  [BOTHY_ERROR_BAD_ARCHIVE] = OURS ("BadArchive"),
  [BOTHY_ERROR_NO_SPACE] = OURS ("NoSpace"),
  [BOTHY_ERROR_CANCELLED] = OURS ("Cancelled"),
  [BOTHY_ERROR_NOT_YOURS] = OURS ("NotYours"),
  [BOTHY_ERROR_ALREADY_MAPPED] = OURS ("AlreadyMapped"),
  [BOTHY_ERROR_PARTIAL_MAP] = OURS ("PartialMap"),
  [BOTHY_ERROR_NO_SUCH_BRIDGE] = OURS ("NoSuchBridge"),
  [BOTHY_ERROR_BRIDGE_EXISTS] = OURS ("BridgeExists"),
  [BOTHY_ERROR_BRIDGE_IN_USE] = OURS ("BridgeInUse"),
  [BOTHY_ERROR_NOT_MANAGED] = OURS ("NotManaged"),
  [BOTHY_ERROR_NO_SUCH_ACCOUNT] = OURS ("NoSuchAccount"),
  [BOTHY_ERROR_NO_SUCH_REMOTE] = OURS ("NoSuchRemote"),
  [BOTHY_ERROR_REMOTE_FAILED] = OURS ("RemoteFailed"),
  [BOTHY_ERROR_NOT_VERIFIED] = OURS ("NotVerified"),
  [BOTHY_ERROR_MOUNT_FAILED] = OURS ("MountFailed"),
  [BOTHY_ERROR_NO_SUCH_MOUNT] = OURS ("NoSuchMount"),
  [BOTHY_ERROR_DEVICE_FAILED] = OURS ("DeviceFailed"),
  [BOTHY_ERROR_DEVICE_EXISTS] = OURS ("DeviceExists"),
  [BOTHY_ERROR_NO_SUCH_DEVICE] = OURS ("NoSuchDevice"),
  [BOTHY_ERROR_NO_SUCH_SNAPSHOT] = OURS ("NoSuchSnapshot"),
  [BOTHY_ERROR_SNAPSHOT_EXISTS] = OURS ("SnapshotExists"),
  [BOTHY_ERROR_NO_SUCH_VOLUME] = OURS ("NoSuchVolume"),
  [BOTHY_ERROR_VOLUME_EXISTS] = OURS ("VolumeExists"),
  [BOTHY_ERROR_VOLUME_IN_USE] = OURS ("VolumeInUse"),
  [BOTHY_ERROR_CRASHED] = OURS ("Crashed"),
  [BOTHY_ERROR_OUT_OF_MEMORY] = OURS ("OutOfMemory"),
  [BOTHY_ERROR_GAVE_UP] = OURS ("GaveUp"),
  [BOTHY_ERROR_UNKNOWN_OBJECT] = STANDARD ("UnknownObject"),
  [BOTHY_ERROR_UNKNOWN_METHOD] = STANDARD ("UnknownMethod"),
  [BOTHY_ERROR_UNKNOWN_INTERFACE] = STANDARD ("UnknownInterface"),
  [BOTHY_ERROR_UNKNOWN_PROPERTY] = STANDARD ("UnknownProperty"),
  [BOTHY_ERROR_PROPERTY_READ_ONLY] = STANDARD ("PropertyReadOnly"),
  [BOTHY_ERROR_NOT_AUTHORIZED] = OURS ("NotAuthorized"),
  [BOTHY_ERROR_NOT_AUTHORIZED_CAN_OBTAIN] = OURS ("NotAuthorizedCanObtain"),
  [BOTHY_ERROR_NOT_AUTHORIZED_DISMISSED] = OURS ("NotAuthorizedDismissed"),
};
G_STATIC_ASSERT (G_N_ELEMENTS (names) == BOTHY_N_ERRORS);

/* What an error has beside its text; NULL: nothing. */
typedef struct {
  GTree *details; /* key → value */
} BothyErrorPrivate;

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

static gboolean
copy_detail (gpointer key, gpointer value, gpointer details)
{
  g_tree_insert (details, g_strdup (key), g_strdup (value));
  return FALSE;
}

static void
bothy_error_private_init (BothyErrorPrivate *self)
{
}

static void
bothy_error_private_copy (const BothyErrorPrivate *self, BothyErrorPrivate *copy)
{
  /* The compiler does not know that GLib has one for each error of ours. */
  if (!self || !self->details || !copy)
    return;
  copy->details = g_tree_new_full (compare_keys, NULL, g_free, g_free);
  g_tree_foreach (self->details, copy_detail, copy->details);
}

static void
bothy_error_private_clear (BothyErrorPrivate *self)
{
  if (self)
    g_clear_pointer (&self->details, g_tree_unref);
}

G_DEFINE_EXTENDED_ERROR (BothyError, bothy_error)

void
bothy_error_set_detail (GError *error, const char *key, const char *value)
{
  BothyErrorPrivate *own;

  if (error->domain != BOTHY_ERROR)
    return;
  own = bothy_error_get_private (error);
  if (!own)
    return;
  if (!own->details)
    own->details = g_tree_new_full (compare_keys, NULL, g_free, g_free);
  g_tree_replace (own->details, g_strdup (key), g_utf8_make_valid (value, -1));
}

static gboolean
add_detail (gpointer key, gpointer value, gpointer builder)
{
  g_variant_builder_add (builder, "{ss}", key, value);
  return FALSE;
}

GVariant *
bothy_error_details_to_variant (const GError *error)
{
  const BothyErrorPrivate *own =
      error && error->domain == BOTHY_ERROR ? bothy_error_get_private (error) : NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  if (own && own->details)
    g_tree_foreach (own->details, add_detail, &builder);
  return g_variant_builder_end (&builder);
}

const char *
bothy_error_name (BothyErrorCode code)
{
  g_return_val_if_fail (code < BOTHY_N_ERRORS, names[BOTHY_ERROR_FAILED]);
  return names[code];
}

BothyErrorCode
bothy_error_from_name (const char *name)
{
  for (BothyErrorCode code = 0; code < BOTHY_N_ERRORS; code++) {
    if (g_str_equal (names[code], name))
      return code;
  }
  return BOTHY_ERROR_FAILED;
}

BothyErrorCode
bothy_error_get_code (const GError *error)
{
  if (error->domain == BOTHY_ERROR)
    return (BothyErrorCode)error->code;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return BOTHY_ERROR_CANCELLED;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE) ||
      g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
    return BOTHY_ERROR_NO_SPACE;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES) ||
      g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_MFILE) ||
      g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NFILE))
    return BOTHY_ERROR_LIMITS_EXCEEDED;
  return BOTHY_ERROR_FAILED;
}

void
bothy_error_adopt (GError **error, const char *context)
{
  g_autoptr (GError) old = NULL;

  if (!error || !*error || (*error)->domain == BOTHY_ERROR)
    return;
  old = g_steal_pointer (error);
  g_set_error (error, BOTHY_ERROR, bothy_error_get_code (old), "%s: %s", context, old->message);
}

void
bothy_error_set_errno (GError **error, int number, const char *context)
{
  BothyErrorCode code = BOTHY_ERROR_FAILED;

  if (number == ENOSPC || number == EDQUOT)
    code = BOTHY_ERROR_NO_SPACE;
  else if (number == EMFILE || number == ENFILE)
    code = BOTHY_ERROR_LIMITS_EXCEEDED;
  g_set_error (error, BOTHY_ERROR, code, "%s: %s", context, g_strerror (number));
}
