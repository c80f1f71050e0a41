/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "escape.h"

#define ERROR_PREFIX "org.bothy.Bothy1.Error."

typedef struct {
  const char *name;
  const char *words; /* of a message of that name that it is for; NULL: of any */
  const char *hint;
  gboolean spare; /* not where the message says already, behind a semicolon, what to do */
} Hint;

static const Hint hints[] = {
  { "NoSuchContainer", NULL, N_ ("'bothy list' shows what there is.") },
  { "ContainerExists", NULL, N_ ("Choose another name, or delete that one with 'bothy delete'."), TRUE },
  { "NoSuchImage", NULL, N_ ("'bothy image list' shows what there is; 'bothy image import FILE' adds one.") },
  { "QuotaExceeded", NULL, N_ ("Delete what you don't need, or ask an administrator to raise the limit.") },
  { "NoSuchBridge", NULL, N_ ("'bothy bridge list' shows what there is.") },
  { "NoFreeRange", NULL, N_ ("An administrator can give Bothy a larger pool of ids in bothyd.conf.") },
  { "Degraded", NULL, N_ ("A record of the service can not be read; 'bothy doctor' tells which.") },
  { "WrongState", "delete it with force", N_ ("'bothy delete --force NAME' stops it and deletes it.") },
  { "WrongState", NULL, N_ ("'bothy start', 'bothy stop' and 'bothy thaw' change the state."), TRUE },
  { "Busy", NULL, N_ ("Something else is being done with it; try again in a moment.") },
  { "StartFailed", "working directory",
    N_ ("It has to be a directory inside the container: --cwd names another one.") },
  { "StartFailed", NULL, N_ ("'bothy logs NAME' shows what it said; 'bothy doctor' checks this machine.") },
  { "IdmapUnsupported", NULL, N_ ("/var/lib/bothy has to be on a file system such as ext4, XFS or Btrfs.") },
  { "NoSuchUser", NULL, N_ ("--user takes a name or number from inside the container.") },
  { "NoSuchProgram", NULL, N_ ("It has to exist inside the container, in PATH or as an absolute path.") },
  { "NotExecutable", NULL, N_ ("Look at its mode and at the interpreter in its first line.") },
  { "BadArchive", NULL,
    N_ ("It has to be a root file system as tar (plain, or with gzip, xz, zstd or bzip2), squashfs or a "
        "directory, an OCI "
        "layout, what 'docker save' writes, or an image of Incus."),
    TRUE },
  { "NoSpace", NULL, N_ ("Make room below /var/lib/bothy.") },
  { "NotAuthorized", NULL, N_ ("An administrator can allow it with a polkit rule."), TRUE },
  { "NotAuthorizedCanObtain", NULL,
    N_ ("It needs a password: try without --no-ask-password, or on a terminal.") },
  { "NotAuthorizedDismissed", NULL, N_ ("The password was not given.") },
  { "NotYours", NULL,
    N_ ("Ids are yours that 'bothy range list' shows; namespaces, those that a user namespace of "
        "yours owns.") },
  { "org.freedesktop.DBus.Error.UnknownObject", NULL,
    N_ ("It may just have been deleted; 'bothy list' shows what there is.") },
  { "org.freedesktop.DBus.Error.ServiceUnknown", NULL,
    N_ ("The service does not run: is bothyd installed? See 'systemctl status bothyd'.") },
  { "org.freedesktop.DBus.Error.NameHasNoOwner", NULL,
    N_ ("The service does not run: is bothyd installed? See 'systemctl status bothyd'.") },
  { "org.freedesktop.DBus.Error.NoReply", NULL,
    N_ ("The service ended while it worked: see 'systemctl status bothyd' and 'journalctl -u bothyd'.") },
  { "org.freedesktop.DBus.Error.Disconnected", NULL,
    N_ ("The service ended while it worked: see 'systemctl status bothyd' and 'journalctl -u bothyd'.") },
  { "org.freedesktop.DBus.Error.TimedOut", NULL,
    N_ ("The service did not start in time: see 'systemctl status bothyd'.") },
  { "org.freedesktop.DBus.Error.Spawn.ChildExited", NULL,
    N_ ("The service could not start: see 'systemctl status bothyd'.") },
  { "org.freedesktop.DBus.Error.Spawn.ExecFailed", NULL,
    N_ ("The service could not start: see 'systemctl status bothyd'.") },
  { "org.freedesktop.systemd1.UnitMasked", NULL,
    N_ ("An administrator has switched the service off: 'systemctl unmask bothyd' switches it on.") },
  { "org.freedesktop.DBus.Error.UnknownMethod", NULL,
    N_ ("The service may be of another version than this program: see 'bothy version'.") },
  { "org.freedesktop.DBus.Error.AccessDenied", NULL,
    N_ ("The bus does not let you talk to the service: see bothy's file in dbus-1/system.d.") },
};

/* "Error.NAME" of ours without what is the same in all of them. */
static char *
short_name (const GError *error)
{
  g_autofree char *name = error ? g_dbus_error_get_remote_error (error) : NULL;

  if (name == NULL)
    return NULL;
  return g_strdup (g_str_has_prefix (name, ERROR_PREFIX) ? name + strlen (ERROR_PREFIX) : name);
}

/* The service may have said itself what to do; whatever quotation marks a language has. */
static gboolean
names_command (const char *message)
{
  static const char *const commands[] = { "bothy ", "docker ", "docker.io/library/" };

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    for (const char *at = message; (at = strstr (at, commands[i])); at++)
      if (at > message && at[-1] != ' ' && !g_ascii_isalnum (at[-1]))
        return TRUE;
  return FALSE;
}

static const char *
find_hint (const char *name, const char *message)
{
  if (name == NULL || names_command (message))
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (hints); i++)
    if (g_str_equal (hints[i].name, name) && (!hints[i].words || strstr (message, hints[i].words)))
      return hints[i].spare && strstr (message, "; ") ? NULL : _ (hints[i].hint);
  return NULL;
}

gboolean
cli_error_is (const GError *error, const char *name)
{
  g_autofree char *have = short_name (error);

  return g_strcmp0 (have, name) == 0;
}

GError *
cli_error_from_name (const char *name, const char *text)
{
  if (g_dbus_is_interface_name (name))
    return g_dbus_error_new_for_dbus_error (name, text);
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, text);
}

/* Of an object that is not there the service knows the path only, which a person never wrote. */
static char *
shown_message (GError *error, const char *name)
{
  if (name && g_str_has_suffix (name, "UnknownObject"))
    return g_strdup (_ ("It does not exist, or you may not see it"));
  g_dbus_error_strip_remote_error (error);
  return cli_escape (error->message, -1, CLI_ESCAPE_LINE);
}

void
cli_warn (const GError *error, const char *about)
{
  g_autoptr (GError) copy = g_error_copy (error);
  g_autofree char *name = short_name (error);
  g_autofree char *message = shown_message (copy, name);
  g_autofree char *subject = about ? cli_escape (about, -1, CLI_ESCAPE_LINE) : NULL;
  const char *hint = find_hint (name, message);

  if (subject)
    g_printerr ("bothy: %s: %s\n", subject, message);
  else
    g_printerr ("bothy: %s\n", message);
  if (hint)
    g_printerr ("%s %s\n", _ ("Hint:"), hint);
}

int
cli_fail (const GError *error)
{
  cli_warn (error, NULL);
  return CLI_EXIT_FAILED;
}

int
cli_fail_command (const GError *error)
{
  cli_warn (error, NULL);
  if (cli_error_is (error, "NotExecutable"))
    return CLI_EXIT_NOT_EXECUTABLE;
  if (cli_error_is (error, "NoSuchProgram"))
    return CLI_EXIT_NOT_FOUND;
  return CLI_EXIT_OWN;
}
