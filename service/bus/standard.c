/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The interfaces of org.freedesktop.DBus that every object has, as the caller may see them;
   see the D-Bus specification, "Standard Interfaces". */
#include "bus/handlers.h"
#include "bus/names.h"
#include "base/error.h"

#include <string.h>

static const char *const xml =
    "<node>"
    "<interface name='" DBUS_PROPERTIES_INTERFACE "'>"
    "<method name='Get'><arg name='interface' type='s' direction='in'/><arg name='property' type='s' "
    "direction='in'/>"
    "<arg name='value' type='v' direction='out'/></method>"
    "<method name='Set'><arg name='interface' type='s' direction='in'/><arg name='property' type='s' "
    "direction='in'/>"
    "<arg name='value' type='v' direction='in'/></method>"
    "<method name='GetAll'><arg name='interface' type='s' direction='in'/>"
    "<arg name='properties' type='a{sv}' direction='out'/></method>"
    "<signal name='PropertiesChanged'><arg name='interface' type='s'/><arg name='changed' type='a{sv}'/>"
    "<arg name='invalidated' type='as'/></signal>"
    "</interface>"
    "<interface name='" DBUS_INTROSPECTABLE_INTERFACE "'>"
    "<method name='Introspect'><arg name='xml' type='s' direction='out'/></method>"
    "</interface>"
    "<interface name='" DBUS_OBJECT_MANAGER_INTERFACE "'>"
    "<method name='GetManagedObjects'><arg name='objects' type='a{oa{sa{sv}}}' direction='out'/></method>"
    "<signal name='InterfacesAdded'><arg name='object' type='o'/><arg name='interfaces' "
    "type='a{sa{sv}}'/></signal>"
    "<signal name='InterfacesRemoved'><arg name='object' type='o'/><arg name='interfaces' "
    "type='as'/></signal>"
    "</interface>"
    "</node>";

static const GDBusNodeInfo *
get_info (void)
{
  static GDBusNodeInfo *info;

  if (!info)
    info = g_dbus_node_info_new_for_xml (xml, NULL);
  return info;
}

const GDBusInterfaceInfo *
bothy_standard_get_interface (const char *name)
{
  return name ? g_dbus_node_info_lookup_interface ((GDBusNodeInfo *)get_info (), name) : NULL;
}

static gboolean
may_see (BothyCall *call, BothyNode *node)
{
  return call->may_inspect || node->is_visible (node->target, call->user);
}

/* ---- Introspectable ---- */

/* The first element of PATH below PARENT; NULL: it is not below. */
static char *
child_below (const char *parent, const char *path)
{
  gsize length = g_str_equal (parent, "/") ? 0 : strlen (parent);
  const char *rest, *end;

  if (strncmp (parent, path, length) != 0 || path[length] != '/')
    return NULL;
  rest = path + length + 1;
  end = strchr (rest, '/');
  return end ? g_strndup (rest, (gsize)(end - rest)) : g_strdup (rest);
}

static void
append_children (BothyCall *call, GString *text)
{
  g_autoptr (GList) nodes = bothy_objects_list (call->objects);
  g_autofree char *last = NULL;

  for (GList *l = nodes; l; l = l->next) {
    BothyNode *node = l->data;
    g_autofree char *child = may_see (call, node) ? child_below (call->path, node->path) : NULL;

    if (!child || !*child || g_strcmp0 (child, last) == 0)
      continue;
    g_string_append_printf (text, "  <node name=\"%s\"/>\n", child);
    last = (g_free (last), g_steal_pointer (&child));
  }
}

static void
append_interfaces (BothyCall *call, GString *text)
{
  const GDBusNodeInfo *info = get_info ();

  for (GDBusInterfaceInfo **interface = info->interfaces; *interface; interface++) {
    /* Only the root manages objects. */
    if (g_str_equal ((*interface)->name, DBUS_OBJECT_MANAGER_INTERFACE) &&
        !g_str_equal (call->path, BOTHY_BUS_PATH))
      continue;
    g_dbus_interface_info_generate_xml (*interface, 2, text);
  }
  g_dbus_interface_info_generate_xml ((GDBusInterfaceInfo *)call->node->interface, 2, text);
}

void
bothy_standard_handle_introspect (BothyCall *call)
{
  GString *text =
      g_string_new ("<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
                    " \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n");
  g_autofree char *owned = NULL;

  if (call->node && may_see (call, call->node))
    append_interfaces (call, text);
  append_children (call, text);
  g_string_append (text, "</node>\n");
  owned = g_string_free (text, FALSE);
  bothy_call_return (call, g_variant_new ("(s)", owned));
}

/* ---- Properties ---- */

static GVariant *
properties_of (BothyCall *call, const char *interface, GError **error)
{
  if (*interface && !g_str_equal (interface, call->node->interface->name)) {
    if (bothy_standard_get_interface (interface))
      return g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_INTERFACE, "There is no such interface here");
    return NULL;
  }
  return g_variant_ref_sink (call->node->get_properties (call->node->target, call->user));
}

typedef struct {
  char *interface, *property;
} GetRequest;

static void
get_request_free (GetRequest *request)
{
  g_free (request->interface);
  g_free (request->property);
  g_free (request);
}

static gpointer
parse_get (BothyArguments *arguments, GError **error)
{
  GetRequest *request = g_new0 (GetRequest, 1);

  bothy_arguments_get (arguments, "(ss)", &request->interface, &request->property);
  return request;
}

const BothyRequestType bothy_standard_get_request = { parse_get, (GDestroyNotify)get_request_free };

void
bothy_standard_handle_get (BothyCall *call)
{
  const GetRequest *request = call->request;
  GError *error = NULL;
  g_autoptr (GVariant) properties = properties_of (call, request->interface, &error);
  g_autoptr (GVariant) value =
      properties ? g_variant_lookup_value (properties, request->property, NULL) : NULL;

  if (value)
    bothy_call_return (call, g_variant_new ("(v)", value));
  else
    bothy_call_return_error (call, error ? error
                                         : g_error_new (BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_PROPERTY,
                                                        "There is no such property here"));
}

static gpointer
parse_set (BothyArguments *arguments, GError **error)
{
  g_autoptr (GVariant) value = NULL;
  GetRequest *request = g_new0 (GetRequest, 1);

  bothy_arguments_get (arguments, "(ss@v)", &request->interface, &request->property, &value);
  return request;
}

const BothyRequestType bothy_standard_set_request = { parse_set, (GDestroyNotify)get_request_free };

void
bothy_standard_handle_set (BothyCall *call)
{
  const GetRequest *request = call->request;
  GError *error = NULL;
  g_autoptr (GVariant) properties = properties_of (call, request->interface, &error);
  g_autoptr (GVariant) value =
      properties ? g_variant_lookup_value (properties, request->property, NULL) : NULL;

  if (value)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_PROPERTY_READ_ONLY,
                 "Property %s can only be read; methods change what it says", request->property);
  else if (!error)
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_PROPERTY, "There is no such property here");
  bothy_call_return_error (call, error);
}

void
bothy_standard_handle_get_all (BothyCall *call)
{
  GError *error = NULL;
  g_autoptr (GVariant) properties = properties_of (call, call->request, &error);

  if (properties)
    bothy_call_return (call, g_variant_new ("(@a{sv})", properties));
  else
    bothy_call_return_error (call, error);
}

/* ---- ObjectManager ---- */

void
bothy_standard_handle_get_managed_objects (BothyCall *call)
{
  g_autoptr (GList) nodes = bothy_objects_list (call->objects);
  GVariantBuilder builder;

  if (!g_str_equal (call->path, BOTHY_BUS_PATH)) {
    bothy_call_return_error (call, g_error_new (BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_METHOD,
                                                "Only " BOTHY_BUS_PATH " manages objects"));
    return;
  }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{oa{sa{sv}}}"));
  for (GList *l = nodes; l; l = l->next) {
    BothyNode *node = l->data;

    if (!g_str_equal (node->path, BOTHY_BUS_PATH) && may_see (call, node))
      g_variant_builder_add (&builder, "{o@a{sa{sv}}}", node->path,
                             bothy_node_get_interfaces (node, call->user));
  }
  bothy_call_return (call, g_variant_new ("(a{oa{sa{sv}}})", &builder));
}
