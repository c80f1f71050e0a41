/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "escape.h"
#include "output.h"
#include "verbs.h"

/* What is shown of an object that is deleted: its properties are gone by then. */
static const char *
kind_of (const char *interface)
{
  if (g_str_equal (interface, IFACE_CONTAINER))
    return "container";
  if (g_str_equal (interface, IFACE_IMAGE))
    return "image";
  if (g_str_equal (interface, IFACE_OPERATION))
    return "operation";
  if (g_str_equal (interface, IFACE_PROCESS))
    return "process";
  return NULL;
}

/* The last part of a path as it was before it became a label: "web_2dserver" is "web-server". */
static char *
label_name (const char *path)
{
  g_autofree char *label = g_path_get_basename (path);
  g_autoptr (GString) name = g_string_new (NULL);

  for (const char *p = label; *p != '\0'; p++)
    if (p[0] == '_' && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2])) {
      g_string_append_c (name, (char)(g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2])));
      p += 2;
    } else
      g_string_append_c (name, *p);
  return cli_escape (name->str, name->len, CLI_ESCAPE_LINE);
}

static void
show (Cli *cli, const char *event, const char *kind, const char *path, GVariant *properties)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%H:%M:%S");
  g_autofree char *last = label_name (path);
  g_autofree char *name = properties ? cli_property (properties, "Name") : NULL;
  g_autofree char *state = properties ? cli_property (properties, "State") : NULL;
  g_autofree char *phase = properties ? cli_property (properties, "Phase") : NULL;
  const char *what = state ? state : phase;

  if (cli->json) {
    g_autoptr (JsonBuilder) builder = json_builder_new ();

    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "event");
    json_builder_add_string_value (builder, event);
    json_builder_set_member_name (builder, "kind");
    json_builder_add_string_value (builder, kind);
    json_builder_set_member_name (builder, "path");
    json_builder_add_string_value (builder, path);
    json_builder_set_member_name (builder, "properties");
    if (properties)
      cli_json_object (builder, properties);
    else
      json_builder_add_null_value (builder);
    json_builder_end_object (builder);
    cli_json_print (builder, FALSE);
    return;
  }
  /* Progress and the like are not news for a person. */
  if (g_str_equal (event, "changed") && what == NULL)
    return;
  printf ("%s%s%s %s %s %s", cli_colour (CLI_COLOUR_DIM), time, cli_colour_off (), event, kind,
          name ? name : last);
  if (what)
    printf (" %s%s%s", cli_colour (cli_colour_of_state (what)), what, cli_colour_off ());
  putchar ('\n');
  fflush (stdout);
}

static void
on_changed (GDBusConnection *bus,
            const char *sender,
            const char *path,
            const char *interface,
            const char *member,
            GVariant *parameters,
            gpointer data)
{
  g_autoptr (GVariant) changed = NULL;
  const char *of;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  g_variant_get (parameters, "(&s@a{sv}as)", &of, &changed, NULL);
  if (kind_of (of))
    show (data, "changed", kind_of (of), path, changed);
}

static void
on_added (GDBusConnection *bus,
          const char *sender,
          const char *path,
          const char *interface,
          const char *member,
          GVariant *parameters,
          gpointer data)
{
  g_autoptr (GVariantIter) iter = NULL;
  const char *object, *of;
  GVariant *properties;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})")))
    return;
  g_variant_get (parameters, "(&oa{sa{sv}})", &object, &iter);
  while (g_variant_iter_next (iter, "{&s@a{sv}}", &of, &properties)) {
    if (kind_of (of))
      show (data, "added", kind_of (of), object, properties);
    g_variant_unref (properties);
  }
}

static void
on_removed (GDBusConnection *bus,
            const char *sender,
            const char *path,
            const char *interface,
            const char *member,
            GVariant *parameters,
            gpointer data)
{
  g_autoptr (GVariantIter) iter = NULL;
  const char *object, *of;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)")))
    return;
  g_variant_get (parameters, "(&oas)", &object, &iter);
  while (g_variant_iter_next (iter, "&s", &of))
    if (kind_of (of))
      show (data, "removed", kind_of (of), object, NULL);
}

static void
on_out_of_memory (GDBusConnection *bus,
                  const char *sender,
                  const char *path,
                  const char *interface,
                  const char *member,
                  GVariant *parameters,
                  gpointer data)
{
  show (data, "out-of-memory", "container", path, NULL);
}

typedef struct {
  Cli *cli;
  GMainLoop *loop;
  guint subscriptions[4];
} Monitor;

static void
unsubscribe (Monitor *monitor)
{
  for (gsize i = 0; i < G_N_ELEMENTS (monitor->subscriptions); i++)
    if (monitor->subscriptions[i])
      g_dbus_connection_signal_unsubscribe (monitor->cli->bus, monitor->subscriptions[i]);
  memset (monitor->subscriptions, 0, sizeof monitor->subscriptions);
}

/* The service tells those who have asked it something before. */
static gboolean
subscribe (Monitor *monitor, GError **error)
{
  Cli *cli = monitor->cli;
  g_autoptr (GVariant) managed = cli_get_managed (cli, error);

  if (managed == NULL)
    return FALSE;
  unsubscribe (monitor);
  monitor->subscriptions[0] =
      cli_subscribe (cli, NULL, IFACE_PROPERTIES, "PropertiesChanged", on_changed, cli);
  monitor->subscriptions[1] =
      cli_subscribe (cli, BOTHY_ROOT, IFACE_OBJECT_MANAGER, "InterfacesAdded", on_added, cli);
  monitor->subscriptions[2] =
      cli_subscribe (cli, BOTHY_ROOT, IFACE_OBJECT_MANAGER, "InterfacesRemoved", on_removed, cli);
  monitor->subscriptions[3] =
      cli_subscribe (cli, NULL, IFACE_CONTAINER, "OutOfMemory", on_out_of_memory, cli);
  return TRUE;
}

static void
on_name_appeared (GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
  Monitor *monitor = data;
  g_autoptr (GError) error = NULL;

  if (!subscribe (monitor, &error))
    cli_warn (error, NULL);
}

static void
on_closed (GDBusConnection *bus, gboolean vanished, GError *error, gpointer data)
{
  g_main_loop_quit (data);
}

int
cli_monitor (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Monitor monitor = { cli, loop, { 0 } };

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names"));
  if (!cli_connect (cli, &error) || !subscribe (&monitor, &error))
    return cli_fail (error);

  g_bus_watch_name_on_connection (cli->bus, BOTHY_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE, on_name_appeared, NULL,
                                  &monitor, NULL);
  g_signal_connect (cli->bus, "closed", G_CALLBACK (on_closed), loop);
  cli_output_watch ();
  g_main_loop_run (loop);
  g_printerr ("bothy: %s\n", _ ("The system bus went away"));
  return CLI_EXIT_FAILED;
}
