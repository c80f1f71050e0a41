/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: AddMount, AddVolume and RemoveMount */
#include "bus/handlers.h"

#include "bus/options.h"
#include "base/error.h"
#include "core/registry/mounts.h"
#include "platform/untrusted-fd.h"

#include <fcntl.h>
#include <sys/stat.h>

/*
 * The caller's fd proves that he could open the directory, and says which it is. It is not what is mounted: that is opened
 * anew, as the container's owner, by the same way as at each later start.
 */
static gboolean
identify_directory (
    BothyArguments *arguments, gint32 handle, guint64 *ret_device, guint64 *ret_inode, GError **error)
{
  int fd = bothy_arguments_peek_fd (arguments, handle, error);
  int flags = fd >= 0 ? fcntl (fd, F_GETFL) : -1;
  mode_t mode;

  if (fd < 0)
    return FALSE;
  if (flags >= 0 && !(flags & O_PATH) && bothy_untrusted_fd_identify (fd, &mode, ret_device, ret_inode) &&
      S_ISDIR (mode))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "dir: a directory that is open for reading (not with O_PATH) is wanted");
  return FALSE;
}

/* What AddMount takes. (transfer full); NULL with an error. */
static BothyMount *
parse_mount (
    BothyArguments *arguments, gint32 handle, const char *destination, GVariant *options, GError **error)
{
  g_autofree char *path = NULL;
  g_autofree char *user = g_strdup ("");
  gboolean read_only = FALSE;
  guint64 device, inode;
  const BothyOption table[] = { { "path", BOTHY_OPTION_BYTES, &path },
                                { "user", "s", &user },
                                { "read-only", "b", &read_only },
                                { NULL, NULL, NULL } };

  if (!bothy_options_parse (options, table, error))
    return NULL;
  if (!path) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"path\" is needed: where the directory is found when the container starts again");
    return NULL;
  }
  if (!identify_directory (arguments, handle, &device, &inode, error))
    return NULL;
  return bothy_mount_new (path, destination, user, read_only, device, inode, error);
}

GPtrArray *
bothy_mounts_parse (BothyArguments *arguments, GVariant *mounts, GError **error)
{
  g_autoptr (GPtrArray) list = bothy_mounts_new ();
  gsize n = g_variant_n_children (mounts);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) options = NULL;
    g_autoptr (BothyMount) mount = NULL;
    g_autofree char *destination = NULL;
    gint32 handle;

    g_variant_get_child (mounts, i, "(hs@a{sv})", &handle, &destination, &options);
    mount = parse_mount (arguments, handle, destination, options, error);
    if (!mount || !bothy_mounts_check (list, mount->destination, error))
      return NULL;
    bothy_mounts_add (list, g_steal_pointer (&mount));
  }
  return g_steal_pointer (&list);
}

static gpointer
parse_add_mount (BothyArguments *arguments, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  const char *destination;
  gint32 handle;

  bothy_arguments_get (arguments, "(h&s@a{sv})", &handle, &destination, &options);
  return parse_mount (arguments, handle, destination, options, error);
}

const BothyRequestType bothy_container_add_mount_request = { parse_add_mount,
                                                             (GDestroyNotify)bothy_mount_free };

/* (transfer full); NULL with an error. */
static BothyMount *
parse_volume (const char *name, const char *destination, GVariant *options, GError **error)
{
  gboolean read_only = FALSE;
  const BothyOption table[] = { { "read-only", "b", &read_only }, { NULL, NULL, NULL } };

  if (!bothy_options_parse (options, table, error))
    return NULL;
  return bothy_mount_new_volume (name, destination, read_only, error);
}

gboolean
bothy_volumes_parse (GPtrArray *mounts, GVariant *volumes, GError **error)
{
  gsize n = g_variant_n_children (volumes);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) options = NULL;
    g_autoptr (BothyMount) mount = NULL;
    const char *name, *destination;

    g_variant_get_child (volumes, i, "(&s&s@a{sv})", &name, &destination, &options);
    mount = parse_volume (name, destination, options, error);
    if (!mount || !bothy_mounts_check (mounts, mount->destination, error))
      return FALSE;
    bothy_mounts_add (mounts, g_steal_pointer (&mount));
  }
  return TRUE;
}

static gpointer
parse_add_volume (BothyArguments *arguments, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  const char *name, *destination;

  bothy_arguments_get (arguments, "(&s&s@a{sv})", &name, &destination, &options);
  return parse_volume (name, destination, options, error);
}

const BothyRequestType bothy_container_add_volume_request = { parse_add_volume,
                                                              (GDestroyNotify)bothy_mount_free };

gboolean
bothy_container_check_add_mount (BothyCall *call, GError **error)
{
  const BothyMount *mount = call->request;
  const BothyContainer *container = BOTHY_CONTAINER (call->node->target);
  g_autofree char *shown = g_utf8_make_valid (mount->source, -1);

  /*
   * A directory is opened as the owner, and a volume is what he keeps apart: whoever may only manage his containers would
   * get at files of his.
   */
  if (call->user != container->owner && call->user != 0) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                 mount->volume ? "Only its owner lets volumes of his be seen in container %s"
                               : "Only its owner lets directories of his be seen in container %s",
                 container->spec->name);
    return FALSE;
  }
  polkit_details_insert (call->details, "container", container->spec->name);
  polkit_details_insert (call->details, mount->volume ? "volume" : "directory", shown);
  polkit_details_insert (call->details, "inside", mount->destination);
  if (mount->read_only)
    polkit_details_insert (call->details, "read-only", "yes");
  return TRUE;
}

static void
on_mount_changed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_registry_mount_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_container_handle_add_mount (BothyCall *call)
{
  bothy_registry_add_mount (call->registry, BOTHY_CONTAINER (call->node->target), call->request,
                            on_mount_changed, bothy_call_ref (call));
}

/* The destination. */
static gpointer
parse_remove_mount (BothyArguments *arguments, GError **error)
{
  const char *destination;

  bothy_arguments_get (arguments, "(&s)", &destination);
  return bothy_mount_parse_destination (destination, error);
}

const BothyRequestType bothy_container_remove_mount_request = { parse_remove_mount, g_free };

void
bothy_container_handle_remove_mount (BothyCall *call)
{
  polkit_details_insert (call->details, "inside", call->request);
  bothy_registry_remove_mount (call->registry, BOTHY_CONTAINER (call->node->target), call->request,
                               on_mount_changed, bothy_call_ref (call));
}
