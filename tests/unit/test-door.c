/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Policy as data, proven complete: the door's rows against dbus/ and polkit/. */

#include "bus/door.h"
#include "bus/handlers.h"
#include "bus/names.h"

#include <string.h>

#define STANDARD "org.freedesktop.DBus."

static char *
read_source (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("BOTHY_SOURCE"), folder, name, NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

/* Every interface that dbus/ describes. */
static GPtrArray *
read_interfaces (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("BOTHY_SOURCE"), "dbus", NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  GPtrArray *interfaces = g_ptr_array_new_with_free_func ((GDestroyNotify)g_dbus_interface_info_unref);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir))) {
    g_autofree char *xml = g_str_has_suffix (name, ".xml") ? read_source ("dbus", name) : NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (GDBusNodeInfo) node = xml ? g_dbus_node_info_new_for_xml (xml, &error) : NULL;

    g_assert_no_error (error);
    for (GDBusInterfaceInfo **i = node ? node->interfaces : NULL; i && *i; i++)
      g_ptr_array_add (interfaces, g_dbus_interface_info_ref (*i));
  }
  g_assert_cmpuint (interfaces->len, >=, 5);
  return interfaces;
}

static guint
count_rows (const char *interface, const char *member)
{
  guint n = 0;

  for (const BothyRow *row = bothy_door_get_rows (); row->interface; row++)
    n += g_str_equal (row->interface, interface) && g_str_equal (row->member, member);
  return n;
}

static void
test_each_method_has_a_row (void)
{
  g_autoptr (GPtrArray) interfaces = read_interfaces ();

  for (guint i = 0; i < interfaces->len; i++) {
    GDBusInterfaceInfo *interface = interfaces->pdata[i];

    for (GDBusMethodInfo **method = interface->methods; method && *method; method++) {
      guint n = count_rows (interface->name, (*method)->name);

      if (n != 1)
        g_error ("%s.%s has %u rows", interface->name, (*method)->name, n);
    }
  }
}

static const GDBusInterfaceInfo *
find_interface (GPtrArray *interfaces, const char *name)
{
  if (g_str_has_prefix (name, STANDARD))
    return bothy_standard_get_interface (name);
  for (guint i = 0; i < interfaces->len; i++) {
    if (g_str_equal (((GDBusInterfaceInfo *)interfaces->pdata[i])->name, name))
      return interfaces->pdata[i];
  }
  return NULL;
}

static void
test_each_row_has_a_method (void)
{
  g_autoptr (GPtrArray) interfaces = read_interfaces ();

  for (const BothyRow *row = bothy_door_get_rows (); row->interface; row++) {
    const GDBusInterfaceInfo *interface = find_interface (interfaces, row->interface);

    if (!interface || !g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *)interface, row->member))
      g_error ("%s.%s is described nowhere", row->interface, row->member);
  }
}

/* What takes arguments has somebody who parses them, and nobody else gets to see them. */
static void
test_each_argument_is_parsed (void)
{
  g_autoptr (GPtrArray) interfaces = read_interfaces ();

  for (const BothyRow *row = bothy_door_get_rows (); row->interface; row++) {
    const GDBusInterfaceInfo *interface = find_interface (interfaces, row->interface);
    const GDBusMethodInfo *method =
        g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *)interface, row->member);
    gboolean takes = method->in_args && method->in_args[0];

    if (takes != (row->request != NULL))
      g_error ("%s.%s: its arguments and its request do not go together", row->interface, row->member);
    if (row->request && (!row->request->parse || !row->request->free))
      g_error ("%s.%s: its request is not complete", row->interface, row->member);
  }
}

static void
test_each_row_has_a_rule (void)
{
  for (const BothyRow *row = bothy_door_get_rows (); row->interface; row++) {
    gboolean asks = row->rule != BOTHY_RULE_ANYBODY;

    if (row->rule == BOTHY_RULE_NOBODY || !row->handle)
      g_error ("%s.%s has no rule or no handler", row->interface, row->member);
    if ((row->weigh != NULL) != (row->weighing != NULL))
      g_error ("%s.%s: what it weighs has no action", row->interface, row->member);
    if (asks != (row->action != NULL))
      g_error ("%s.%s: its action does not go with its rule", row->interface, row->member);
  }
}

/* Nothing is set over the bus but by a method, which has a row: that of Set knows nothing but how to refuse. */
static void
test_no_writable_property (void)
{
  g_autoptr (GPtrArray) interfaces = read_interfaces ();

  g_assert_cmpuint (count_rows (DBUS_PROPERTIES_INTERFACE, "Set"), ==, 1);
  for (guint i = 0; i < interfaces->len; i++) {
    GDBusInterfaceInfo *interface = interfaces->pdata[i];

    for (GDBusPropertyInfo **property = interface->properties; property && *property; property++) {
      if ((*property)->flags != G_DBUS_PROPERTY_INFO_FLAGS_READABLE)
        g_error ("%s.%s can be written", interface->name, (*property)->name);
    }
  }
}

/* ---- who may call what, once more ---- */

#define ANYBODY BOTHY_RULE_ANYBODY
#define ACTION  BOTHY_RULE_ACTION
#define OWNER   BOTHY_RULE_OWNER
#define VIEWER  BOTHY_RULE_VIEWER

/*
 * What the door has to say of each method. Whoever changes the one changes the other as well, and asks himself
 * whether he means it: a wrong rule is like any other to all that is tested above.
 */
static const struct {
  const char *method; /* the interface's last word, and the method */
  BothyRule rule;
  const char *action;
  const char *exceeding;
  const char *weighing;
  const char *also;
} policy[] = {
  { "Manager.CreateContainer", ACTION, "create-container", "exceed-quota", "use-bridge" },
  { "Manager.Launch", ACTION, "create-container", "exceed-quota", "use-bridge", "pull-image" },
  { "Manager.GetContainer", VIEWER, "inspect-containers" },
  { "Manager.GetContainerByPID", VIEWER, "inspect-containers" },
  { "Manager.ListContainers", VIEWER, "inspect-containers" },
  { "Manager.ListAllContainers", VIEWER, "inspect-containers" },
  { "Manager.GetAllStats", ANYBODY },
  { "Manager.GetProcess", ANYBODY },
  { "Manager.Ceilings", ANYBODY },
  { "Manager.ListUsers", VIEWER, "inspect-containers" },
  { "Manager.SetUserCeilings", ACTION, "manage-ceilings" },
  { "Manager.ListAdoptable", ACTION, "adopt-container" },
  { "Manager.PlanAdoption", ACTION, "create-container", NULL, "adopt-container" },
  { "Manager.AdoptContainer", ACTION, "create-container", NULL, "adopt-container" },
  { "Manager.ImportImage", ACTION, "create-container" },
  { "Manager.GetImage", ANYBODY },
  { "Manager.ListImages", ANYBODY },
  { "Manager.PullImage", ACTION, "pull-image" },
  { "Manager.SearchImages", ACTION, "pull-image" },
  { "Manager.CheckForUpdates", ACTION, "pull-image" },
  { "Manager.ListRemotes", ANYBODY },
  { "Manager.AddRemote", ACTION, "manage-remotes" },
  { "Manager.RemoveRemote", ACTION, "manage-remotes" },
  { "Manager.ListRanges", VIEWER, "inspect-containers" },
  { "Manager.AllocateRange", ACTION, "create-container", "exceed-quota" },
  { "Manager.ReleaseRange", ANYBODY },
  { "Manager.ReclaimRange", ACTION, "reclaim-range" },
  { "Manager.MapUserNamespace", ANYBODY },
  { "Manager.DelegateCgroup", ACTION, "create-container", NULL, "move-service" },
  { "Manager.CreateBridge", ACTION, "manage-bridges" },
  { "Manager.ListBridges", ANYBODY },
  { "Manager.CreateVolume", ACTION, "create-container" },
  { "Manager.DeleteVolume", ANYBODY },
  { "Manager.GetVolume", ANYBODY },
  { "Manager.ListVolumes", ANYBODY },
  { "Manager.Diagnose", ANYBODY },
  { "Manager.ListDevices", ANYBODY },
  { "Manager.OpenFirewalls", ACTION, "open-firewall" },
  { "Container.Start", OWNER, "manage-containers" },
  { "Container.Stop", OWNER, "manage-containers" },
  { "Container.Restart", OWNER, "manage-containers" },
  { "Container.Freeze", OWNER, "manage-containers" },
  { "Container.Thaw", OWNER, "manage-containers" },
  { "Container.Kill", OWNER, "manage-containers" },
  { "Container.Delete", OWNER, "manage-containers" },
  { "Container.UndoAdoption", OWNER, "manage-containers" },
  { "Container.Rename", OWNER, "manage-containers" },
  { "Container.Exec", OWNER, "manage-containers" },
  { "Container.ExecAndWait", OWNER, "manage-containers" },
  { "Container.CopyFrom", OWNER, "manage-containers" },
  { "Container.CopyTo", OWNER, "manage-containers" },
  { "Container.OpenShell", OWNER, "manage-containers" },
  { "Container.OpenConsole", OWNER, "manage-containers" },
  { "Container.OpenLog", OWNER, "manage-containers" },
  { "Container.ReadLog", OWNER, "manage-containers" },
  { "Container.SetLimits", OWNER, "manage-containers", "exceed-quota" },
  { "Container.SetAutostart", OWNER, "manage-containers", "exceed-quota" },
  { "Container.AddPort", OWNER, "manage-containers", "privileged-port" },
  { "Container.RemovePort", OWNER, "manage-containers" },
  { "Container.AddMount", OWNER, "manage-containers" },
  { "Container.AddVolume", OWNER, "manage-containers" },
  { "Container.RemoveMount", OWNER, "manage-containers" },
  { "Container.OpenTree", OWNER, "manage-containers" },
  { "Container.MountTree", OWNER, "manage-containers" },
  { "Container.UnmountTree", OWNER, "manage-containers" },
  { "Container.AddDevice", OWNER, "manage-containers", NULL, "assign-device" },
  { "Container.RemoveDevice", OWNER, "manage-containers" },
  { "Container.Snapshot", OWNER, "manage-containers" },
  { "Container.Restore", OWNER, "manage-containers" },
  { "Container.RemoveSnapshot", OWNER, "manage-containers" },
  { "Container.DiffSnapshot", OWNER, "manage-containers" },
  { "Container.Clone", OWNER, "manage-containers", "exceed-quota", "create-container" },
  { "Container.Commit", OWNER, "manage-containers", NULL, "create-container" },
  { "Container.Export", OWNER, "manage-containers" },
  { "Container.SetEgress", OWNER, "manage-containers" },
  { "Container.GetAddresses", OWNER, "inspect-containers" },
  { "Container.GetStats", OWNER, "inspect-containers" },
  { "Container.GetHistory", OWNER, "inspect-containers" },
  { "Container.GetOSRelease", OWNER, "inspect-containers" },
  { "Container.MapFromUser", OWNER, "inspect-containers" },
  { "Container.MapToUser", OWNER, "inspect-containers" },
  { "Bridge.Delegate", ACTION, "delegate-bridge" },
  { "Bridge.Revoke", ACTION, "delegate-bridge" },
  { "Bridge.AttachNic", ANYBODY, NULL, NULL, "use-bridge" },
  { "Bridge.DetachNic", ANYBODY },
  { "Bridge.Delete", ACTION, "manage-bridges" },
  { "Image.Remove", ANYBODY },
  { "Image.Export", ANYBODY },
  { "Image.AddAlias", ANYBODY },
  { "Image.RemoveAlias", ANYBODY },
  { "Image.Refresh", ACTION, "pull-image" },
  { "Operation.Cancel", ANYBODY },
  { "Process.Kill", ANYBODY },
  { "Process.OpenPTY", ANYBODY },
  { "Introspectable.Introspect", VIEWER, "inspect-containers" },
  { "Properties.Get", OWNER, "inspect-containers" },
  { "Properties.Set", OWNER, "inspect-containers" },
  { "Properties.GetAll", OWNER, "inspect-containers" },
  { "ObjectManager.GetManagedObjects", VIEWER, "inspect-containers" },
};

/* Without what all our interfaces, or actions, begin with. */
static const char *
last_word (const char *name)
{
  return name ? strrchr (name, '.') + 1 : NULL;
}

static void
test_each_row_says_what_it_has_to (void)
{
  const BothyRow *row = bothy_door_get_rows ();

  for (gsize i = 0; i < G_N_ELEMENTS (policy); i++, row++) {
    g_autofree char *method = NULL;

    g_assert_nonnull (row->interface);
    method = g_strdup_printf ("%s.%s", last_word (row->interface), row->member);
    g_assert_cmpstr (method, ==, policy[i].method);
    if (row->rule != policy[i].rule)
      g_error ("%s has another rule", method);
    if (g_strcmp0 (last_word (row->action), policy[i].action) != 0)
      g_error ("%s asks for %s, not %s", method, row->action, policy[i].action);
    if (g_strcmp0 (last_word (row->exceeding), policy[i].exceeding) != 0)
      g_error ("%s asks for %s, not %s, for what is above a limit", method, row->exceeding,
               policy[i].exceeding);
    if (g_strcmp0 (last_word (row->weighing), policy[i].weighing) != 0)
      g_error ("%s weighs %s, not %s", method, row->weighing, policy[i].weighing);
    if (g_strcmp0 (last_word (row->also), policy[i].also) != 0)
      g_error ("%s asks for %s, not %s, as well", method, row->also, policy[i].also);
  }
  g_assert_null (row->interface);
}

/* ---- polkit ---- */

/* What polkit answers where the administrator has no rule: for anybody, and for who sits at the machine. */
static const struct {
  const char *action;
  const char *any;
  const char *active;
} defaults[] = {
  { "create-container", "yes", "yes" },
  { "inspect-containers", "auth_admin", "auth_admin_keep" },
  { "manage-containers", "auth_admin", "auth_admin_keep" },
  { "adopt-container", "auth_admin", "auth_admin" },
  { "pull-image", "yes", "yes" },
  { "manage-remotes", "auth_admin", "auth_admin" },
  { "exceed-quota", "auth_admin", "auth_admin" },
  { "assign-device", "auth_admin", "auth_admin" },
  { "privileged-port", "auth_admin", "auth_admin_keep" },
  { "reclaim-range", "auth_admin", "auth_admin" },
  { "move-service", "auth_admin", "auth_admin" },
  { "use-bridge", "auth_admin", "auth_admin_keep" },
  { "manage-bridges", "auth_admin", "auth_admin_keep" },
  { "delegate-bridge", "auth_admin", "auth_admin" },
  { "manage-ceilings", "auth_admin", "auth_admin" },
  { "open-firewall", "auth_admin", "auth_admin" },
};

static void
on_element (GMarkupParseContext *context,
            const char *element,
            const char **names,
            const char **values,
            gpointer user_data,
            GError **error)
{
  if (g_str_equal (element, "action"))
    g_hash_table_add (user_data, g_strdup (values[0]));
}

static GHashTable *
read_actions (void)
{
  static const GMarkupParser parser = { .start_element = on_element };
  GHashTable *actions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *text = read_source ("polkit", "org.bothy.Bothy1.policy.in");
  g_autoptr (GMarkupParseContext) context = g_markup_parse_context_new (&parser, 0, actions, NULL);
  g_autoptr (GError) error = NULL;

  g_markup_parse_context_parse (context, text, -1, &error);
  g_assert_no_error (error);
  return actions;
}

static void
test_each_action_is_declared (void)
{
  g_autoptr (GHashTable) actions = read_actions ();

  for (const BothyRow *row = bothy_door_get_rows (); row->interface; row++) {
    if (row->action && !g_hash_table_contains (actions, row->action))
      g_error ("%s.%s: polkit does not know %s", row->interface, row->member, row->action);
  }
}

static void
test_each_action_is_used (void)
{
  g_autoptr (GHashTable) actions = read_actions ();
  GHashTableIter iter;
  gpointer action;

  for (const BothyRow *row = bothy_door_get_rows (); row->interface; row++) {
    if (row->action)
      g_hash_table_remove (actions, row->action);
    if (row->exceeding)
      g_hash_table_remove (actions, row->exceeding);
    if (row->weighing)
      g_hash_table_remove (actions, row->weighing);
  }
  g_hash_table_iter_init (&iter, actions);
  while (g_hash_table_iter_next (&iter, &action, NULL))
    g_error ("No method asks for %s", (const char *)action);
}

static void
on_default (GMarkupParseContext *context, const char *text, gsize length, gpointer user_data, GError **error)
{
  const char *element = g_markup_parse_context_get_element (context);

  if (g_str_has_prefix (element, "allow_"))
    g_string_append_printf (user_data, "%s=%.*s ", element, (int)length, text);
}

static void
on_action (GMarkupParseContext *context,
           const char *element,
           const char **names,
           const char **values,
           gpointer user_data,
           GError **error)
{
  if (g_str_equal (element, "action"))
    g_string_append_printf (user_data, "%s: ", values[0]);
}

static void
test_each_action_has_its_defaults (void)
{
  static const GMarkupParser parser = { .start_element = on_action, .text = on_default };
  g_autofree char *text = read_source ("polkit", "org.bothy.Bothy1.policy.in");
  g_autoptr (GString) found = g_string_new (NULL);
  g_autoptr (GString) wanted = g_string_new (NULL);
  g_autoptr (GMarkupParseContext) context = g_markup_parse_context_new (&parser, 0, found, NULL);
  g_autoptr (GError) error = NULL;

  g_markup_parse_context_parse (context, text, -1, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (defaults); i++)
    g_string_append_printf (wanted, "org.bothy.Bothy1.%s: allow_any=%s allow_inactive=%s allow_active=%s ",
                            defaults[i].action, defaults[i].any, defaults[i].any, defaults[i].active);
  g_assert_cmpstr (found->str, ==, wanted->str);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/door/AUTH-01-each-method-has-a-row", test_each_method_has_a_row);
  g_test_add_func ("/door/AUTH-01-each-row-has-a-method", test_each_row_has_a_method);
  g_test_add_func ("/door/AUTH-01-each-argument-is-parsed", test_each_argument_is_parsed);
  g_test_add_func ("/door/AUTH-01-each-row-has-a-rule", test_each_row_has_a_rule);
  g_test_add_func ("/door/AUTH-01-each-row-says-what-it-has-to", test_each_row_says_what_it_has_to);
  g_test_add_func ("/door/AUTH-01-no-writable-property", test_no_writable_property);
  g_test_add_func ("/door/AUTH-02-each-action-is-declared", test_each_action_is_declared);
  g_test_add_func ("/door/AUTH-02-each-action-is-used", test_each_action_is_used);
  g_test_add_func ("/door/AUTH-02-each-action-has-its-defaults", test_each_action_has_its_defaults);
  return g_test_run ();
}
