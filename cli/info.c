/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "autostart.h"
#include "error.h"
#include "escape.h"
#include "health.h"
#include "limitspec.h"
#include "output.h"
#include "folders.h"
#include "ports.h"
#include "verbs.h"

/* What runs in it, in its own words; NULL where it says nothing. */
static char *
pretty_name (Cli *cli, const char *path)
{
  g_autoptr (GVariant) answer = cli_call (cli, path, IFACE_CONTAINER, "GetOSRelease", NULL, NULL, NULL, NULL);
  g_autoptr (GVariant) fields = answer ? g_variant_get_child_value (answer, 0) : NULL;
  const char *name = NULL;

  if (fields == NULL || !(g_variant_lookup (fields, "PRETTY_NAME", "&s", &name) ||
                          g_variant_lookup (fields, "NAME", "&s", &name)))
    return NULL;
  return cli_escape (name, -1, CLI_ESCAPE_LINE);
}

static void
print_identity (GVariant *p, const char *os)
{
  g_autofree char *name = cli_property (p, "Name");
  g_autofree char *id = cli_property (p, "Id");
  g_autofree char *image = cli_property (p, "Image");
  g_autofree char *hostname = cli_property (p, "Hostname");
  g_autofree char *command = cli_property (p, "Command");
  g_autofree char *owner = NULL;
  guint32 uid;

  if (g_variant_lookup (p, "Owner", "u", &uid)) {
    g_autofree char *user = cli_user_name (uid);
    owner = g_strdup_printf ("%s (%u)", user, uid);
  }
  cli_print_field (_ ("Name"), name);
  cli_print_field (_ ("Id"), id);
  cli_print_field (_ ("Owner"), owner);
  cli_print_field (_ ("Image"), image);
  cli_print_field (_ ("System"), os);
  cli_print_field (_ ("Hostname"), hostname);
  cli_print_field (_ ("Command"), command);
}

/* What its image says of directories and ports. A question of its own; who may not see the image hears nothing of it. */
static void
print_from_image (Cli *cli, GVariant *p)
{
  const char *fingerprint = "";
  gboolean known = !cli->asked && g_variant_lookup (p, "Image", "&s", &fingerprint);
  g_autofree char *path = known ? cli_find_image (cli, fingerprint, NULL) : NULL;
  g_autoptr (GVariant) image = path ? cli_get_all (cli, path, IFACE_IMAGE, NULL) : NULL;
  g_autoptr (GVariant) configuration =
      image ? g_variant_lookup_value (image, "Configuration", G_VARIANT_TYPE_VARDICT) : NULL;
  g_autofree char *volumes = configuration ? cli_property (configuration, "volumes") : NULL;
  g_autofree char *listens = configuration ? cli_property (configuration, "ports") : NULL;

  cli_print_field (_ ("Volumes"), volumes);
  cli_print_field (_ ("Listens at"), listens);
}

/* What of it lies on the disk: a question of its own, which nobody is asked a password for. */
static void
print_disk (Cli *cli, const char *path, GVariant *p)
{
  g_autoptr (GVariant) answer =
      cli->asked ? NULL : cli_call (cli, path, IFACE_CONTAINER, "GetStats", NULL, NULL, NULL, NULL);
  g_autoptr (GVariant) stats = answer ? g_variant_get_child_value (answer, 0) : NULL;
  g_autoptr (GVariant) limits = g_variant_lookup_value (p, "Limits", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) disk = limits ? g_variant_lookup_value (limits, "disk", NULL) : NULL;
  g_autoptr (GVariant) inodes = limits ? g_variant_lookup_value (limits, "inodes", NULL) : NULL;
  guint64 bytes, files;

  if (stats && g_variant_lookup (stats, "disk", "t", &bytes) &&
      g_variant_lookup (stats, "inodes", "t", &files)) {
    g_autofree char *size = cli_limits_size (bytes);
    g_autofree char *text =
        g_strdup_printf (g_dngettext (NULL, "%s in %lu file", "%s in %lu files", files), size, (gulong)files);

    cli_print_field (_ ("On disk"), text);
  }
  if ((disk || inodes) && !cli_limits_disk_holds (p))
    cli_print_field (_ ("On disk"), _ ("no limit holds: see bothy doctor"));
}

/* What it wants, and why it has not got it. */
static void
print_network (GVariant *p)
{
  g_autofree char *network = cli_property (p, "Network");
  g_autofree char *address = cli_property (p, "Address");
  g_autofree char *resolvers = cli_property (p, "Resolvers");
  g_autofree char *error = cli_property (p, "NetworkError");

  cli_print_field (_ ("Network"), network);
  cli_print_field (_ ("Address"), address);
  cli_print_field (_ ("DNS"), resolvers);
  cli_print_field (_ ("No network"), error);
}

static void
print_state (GVariant *p)
{
  g_autofree char *state = cli_property (p, "State");
  g_autofree char *reason = cli_property (p, "StateReason");
  g_autofree char *leader = cli_property (p, "Leader");
  g_autofree char *cgroup = cli_property (p, "ControlGroup");
  g_autofree char *error = cli_property (p, "LastError");
  g_autofree char *coloured =
      g_strconcat (cli_colour (cli_colour_of_state (state ? state : "")), state, cli_colour_off (), NULL);
  g_autofree char *ended = NULL;
  int code, number;

  if (g_variant_lookup (p, "LastExit", "(ii)", &code, &number) && (code >= 0 || number > 0))
    ended = number > 0 ? g_strdup_printf (_ ("by signal %d"), number)
                       : g_strdup_printf (_ ("with code %d"), code);

  cli_print_field (_ ("State"), coloured);
  cli_print_field (_ ("Reason"), reason);
  cli_print_field (_ ("Leader"), g_strcmp0 (leader, "0") == 0 ? NULL : leader);
  cli_print_field (_ ("Control group"), cgroup);
  cli_print_field (_ ("Last ended"), ended);
  cli_print_field (_ ("Error"), error);
}

static void
print_autostart (GVariant *p)
{
  g_autoptr (GVariant) autostart = g_variant_lookup_value (p, "Autostart", G_VARIANT_TYPE_VARDICT);
  g_autofree char *when = autostart ? cli_autostart_text (autostart) : NULL;
  g_autofree char *restart = autostart ? cli_autostart_restart (autostart) : NULL;

  cli_print_field (_ ("Autostart"), when);
  cli_print_field (_ ("When it ends"), restart);
}

/* What of the kernel was set for it. */
static void
print_kernel (GVariant *p)
{
  g_autoptr (GVariant) sysctls = g_variant_lookup_value (p, "Sysctls", G_VARIANT_TYPE ("a{ss}"));
  guint64 shm_size = 0;
  const char *name, *value;
  GVariantIter iter;

  for (gsize i = sysctls ? g_variant_iter_init (&iter, sysctls) : 0; i > 0; i--) {
    g_autofree char *setting = NULL;
    g_autofree char *safe = NULL;

    g_variant_iter_next (&iter, "{&s&s}", &name, &value);
    setting = g_strdup_printf ("%s=%s", name, value);
    safe = cli_escape (setting, -1, CLI_ESCAPE_LINE);
    cli_print_field (_ ("Sysctl"), safe);
  }
  if (g_variant_lookup (p, "ShmSize", "t", &shm_size) && shm_size > 0) {
    g_autofree char *size = cli_limits_exact_size (shm_size);

    cli_print_field ("/dev/shm", size);
  }
}

static void
print_rest (GVariant *p)
{
  g_autofree char *addresses = cli_property (p, "Addresses");
  g_autofree char *egress = cli_property (p, "Egress");
  g_autoptr (GVariant) ports = g_variant_lookup_value (p, "Ports", G_VARIANT_TYPE ("a(sqqs)"));
  g_autofree char *published = ports ? cli_ports_text (ports) : NULL;
  g_autoptr (GVariant) mounts = g_variant_lookup_value (p, "Mounts", G_VARIANT_TYPE ("aa{sv}"));
  g_autofree char *folders = mounts ? cli_folders_text (mounts) : NULL;
  g_autofree char *ephemeral = cli_property (p, "Ephemeral");
  g_autofree char *created = cli_property_time (p, "CreatedAt");
  g_autofree char *started = cli_property_time (p, "StartedAt");
  g_autofree char *stopped = cli_property_time (p, "StoppedAt");
  g_autoptr (GVariant) limits = g_variant_lookup_value (p, "Limits", G_VARIANT_TYPE_VARDICT);
  g_autofree char *summary = limits ? cli_limits_summary (limits) : NULL;
  g_autofree char *unenforced = cli_property (p, "UnenforcedLimits");
  g_autofree char *unenforced_text = g_strdup_printf (_ ("%s: see bothy doctor"), unenforced);
  g_autofree char *range = NULL;
  guint32 base, count;

  if (g_variant_lookup (p, "RangeBase", "u", &base) && g_variant_lookup (p, "RangeCount", "u", &count) &&
      count > 0)
    range = g_strdup_printf ("%u-%u", base, base + (count - 1));
  cli_print_field (_ ("Ids on the host"), range);
  cli_print_field (_ ("Limits"), summary);
  if (unenforced && unenforced[0] != '\0')
    cli_print_field (_ ("Not enforced"), unenforced_text);
  cli_print_field (_ ("Addresses"), addresses);
  cli_print_field (_ ("Ports"), published);
  cli_print_field (_ ("Directories"), folders);
  cli_print_field (_ ("May reach"), g_strcmp0 (egress, "all") == 0 ? NULL : egress);
  cli_print_field (_ ("Ephemeral"), ephemeral);
  cli_print_field (_ ("Created"), created);
  cli_print_field (_ ("Started"), started);
  cli_print_field (_ ("Stopped"), stopped);
}

typedef struct {
  gboolean any;
  JsonBuilder *json;
} Shown;

static gboolean
info_one (Cli *cli, const char *name, const char *path, gpointer data, GError **error)
{
  Shown *shown = data;
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, error);
  g_autofree char *os = NULL;

  if (properties == NULL)
    return FALSE;
  if (cli->json) {
    cli_json_object (shown->json, properties);
    return TRUE;
  }
  if (shown->any)
    puts ("");
  shown->any = TRUE;
  /* Of another user's it would be one more password. */
  os = cli->asked ? NULL : pretty_name (cli, path);
  print_identity (properties, os);
  print_state (properties);
  cli_health_print (properties);
  print_autostart (properties);
  print_network (properties);
  print_rest (properties);
  print_from_image (cli, properties);
  print_kernel (properties);
  print_disk (cli, path, properties);
  return TRUE;
}

int
cli_info (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  Shown shown = { FALSE, builder };
  gboolean several;
  int code;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (names[0] == NULL)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  /* Of one it is the object, as it always was; two would be no JSON document. */
  several = names[1] != NULL;
  if (several)
    json_builder_begin_array (builder);
  code = cli_each_container (cli, names, info_one, &shown);
  if (several)
    json_builder_end_array (builder);
  if (cli->json && (several || code == CLI_EXIT_OK))
    cli_json_print (builder, TRUE);
  return code;
}
