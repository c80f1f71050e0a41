/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "error.h"
#include "map.h"
#include "talker.h"

#define BY_HAND "by hand"

#define RANGE_SIZE 65536u
#define MAX_PARTS  5 /* of a map for each kind of id */

static gboolean
allocate_range (Cli *cli, guint32 *ret_base, GError **error)
{
  g_autoptr (GVariant) range = cli_call (
      cli, BOTHY_ROOT, IFACE_MANAGER, "AllocateRange",
      g_variant_new ("(u@a{sv})", RANGE_SIZE, g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0)), NULL,
      NULL, error);

  if (range)
    g_variant_get (range, "(uu)", ret_base, NULL);
  return range != NULL;
}

/* The first ids of all that the caller holds by hand, or of a new one. (transfer full) (element-type guint32); NULL: an error */
static GArray *
find_ranges (Cli *cli, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListRanges", NULL, NULL, NULL, error);
  g_autoptr (GArray) bases = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GVariantIter) iter = NULL;
  guint32 base, owner;
  const char *holder;

  if (answer == NULL)
    return NULL;
  g_variant_get (answer, "(a(uuus))", &iter);
  while (g_variant_iter_next (iter, "(uuu&s)", &base, NULL, &owner, &holder))
    if (owner == getuid () && g_str_equal (holder, BY_HAND))
      g_array_append_val (bases, base);
  if (bases->len == 0) {
    if (!allocate_range (cli, &base, error))
      return NULL;
    g_array_append_val (bases, base);
  }
  return g_steal_pointer (&bases);
}

/* One range after the other from 0 on, so that trees of each of them can be looked at and taken away. */
static gboolean
complete_map (Cli *cli, const CliTalk *talk, GError **error)
{
  g_autoptr (GArray) bases = NULL;
  guint32 first;

  if (talk->extents->len > 0)
    return TRUE;
  bases = find_ranges (cli, error);
  if (bases == NULL)
    return FALSE;
  first = g_array_index (bases, guint32, 0);
  if (talk->keep) {
    cli_extents_keep (talk->extents, 'u', getuid (), first);
    cli_extents_keep (talk->extents, 'g', getgid (), first);
    return TRUE;
  }
  for (guint i = 0; i < MIN (bases->len, MAX_PARTS); i++) {
    CliExtent whole = { 'b', i * RANGE_SIZE, g_array_index (bases, guint32, i), RANGE_SIZE };

    g_array_append_val (talk->extents, whole);
  }
  if (bases->len > MAX_PARTS)
    g_printerr (_ ("bothy: %u of your %u id ranges are mapped, more do not fit; name others with --map\n"),
                MAX_PARTS, bases->len);
  return TRUE;
}

static GUnixFDList *
fd_list (int fd)
{
  GUnixFDList *fds = g_unix_fd_list_new ();

  g_unix_fd_list_append (fds, fd, NULL);
  return fds;
}

/* The group belongs to who is root inside, or else to the caller. */
static gboolean
delegate (Cli *cli, const CliTalk *talk, int pidfd, GError **error)
{
  g_autoptr (GUnixFDList) fds = fd_list (pidfd);
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder options;
  guint32 root;

  if (!talk->cgroup)
    return TRUE;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (!talk->keep && cli_extents_outside (talk->extents, 'u', 0, &root))
    g_variant_builder_add (&options, "{sv}", "uid", g_variant_new_uint32 (root));
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "DelegateCgroup",
                     g_variant_new ("(ha{sv})", 0, &options), fds, NULL, error);
  return answer != NULL;
}

static gboolean
map_namespace (Cli *cli, const CliTalk *talk, int pidfd, GError **error)
{
  g_autoptr (GUnixFDList) fds = fd_list (pidfd);
  g_autoptr (GVariant) answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "MapUserNamespace",
                g_variant_new ("(h@a(suuu))", 0, cli_extents_variant (talk->extents)), fds, NULL, error);

  return answer != NULL;
}

int
cli_talk (Cli *cli, const CliTalk *talk, int pidfd, int socket)
{
  g_autoptr (GError) error = NULL;
  char byte = 0;

  if (!cli_connect (cli, &error) || !complete_map (cli, talk, &error) ||
      !delegate (cli, talk, pidfd, &error)) {
    int code = cli_fail_command (error);

    cli_agent_stop ();
    return code;
  }
  cli_agent_stop ();
  if (send (socket, talk->extents->data, talk->extents->len * sizeof (CliExtent), MSG_NOSIGNAL) < 0 ||
      recv (socket, &byte, 1, 0) != 1)
    return CLI_EXIT_OWN; /* the other one has said why */
  if (!map_namespace (cli, talk, pidfd, &error))
    return cli_fail_command (error);
  return send (socket, &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : CLI_EXIT_OWN;
}
