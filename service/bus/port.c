/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container: AddPort and RemovePort */
#include "bus/handlers.h"

#include "bus/options.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/registry/ports.h"

#define UNPRIVILEGED  "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define DEFAULT_START 1024

/* The first port that the kernel gives to everybody; what is below takes CAP_NET_BIND_SERVICE, see ip(7). */
static guint64
first_free_port (void)
{
  g_autofree char *text = NULL;
  guint64 port;

  if (!g_file_get_contents (UNPRIVILEGED, &text, NULL, NULL) ||
      !bothy_parse_number (g_strchomp (text), 0, G_MAXUINT16 + 1, &port))
    return DEFAULT_START;
  return port;
}

/* What both methods take beside numbers. */
static gboolean
parse_place (const char *protocol, GVariant *options, BothyPort *port, GError **error)
{
  g_autofree char *address = NULL;
  const BothyOption table[] = { { "address", "s", &address }, { NULL, NULL, NULL } };

  return bothy_options_parse (options, table, error) &&
         bothy_port_parse_protocol (protocol, &port->udp, error) &&
         (!address || bothy_port_parse_address (address, port, error));
}

static gpointer
parse_add_port (BothyArguments *arguments, GError **error)
{
  g_autofree BothyPort *port = g_new0 (BothyPort, 1);
  g_autoptr (GVariant) options = NULL;
  const char *protocol;

  bothy_arguments_get (arguments, "(&sqq@a{sv})", &protocol, &port->host, &port->inside, &options);
  if (!parse_place (protocol, options, port, error))
    return NULL;
  if (port->inside != 0)
    return g_steal_pointer (&port);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Ports go from 1 to 65535");
  return NULL;
}

const BothyRequestType bothy_container_add_port_request = { parse_add_port, g_free };

gboolean
bothy_container_check_add_port (BothyCall *call, GError **error)
{
  const BothyPort *port = call->request;
  g_autofree char *shown =
      port->host ? bothy_port_describe (port) : g_strconcat ("any/", bothy_port_protocol (port), NULL);
  guint64 first_free = first_free_port ();

  polkit_details_insert (call->details, "container", BOTHY_CONTAINER (call->node->target)->spec->name);
  polkit_details_insert (call->details, "port", shown);
  if (port->host != 0 && port->host < first_free)
    call->exceeds = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_AUTHORIZED,
                                 "Port %s is below %" G_GUINT64_FORMAT
                                 ", so an administrator has to agree; or take a higher one",
                                 shown, first_free);
  return TRUE;
}

static void
on_port_changed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_registry_port_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

void
bothy_container_handle_add_port (BothyCall *call)
{
  bothy_registry_add_port (call->registry, BOTHY_CONTAINER (call->node->target), call->request,
                           on_port_changed, bothy_call_ref (call));
}

/* The port inside stays 0: the host's says which it is. */
static gpointer
parse_remove_port (BothyArguments *arguments, GError **error)
{
  g_autofree BothyPort *port = g_new0 (BothyPort, 1);
  g_autoptr (GVariant) options = NULL;
  const char *protocol;

  bothy_arguments_get (arguments, "(&sq@a{sv})", &protocol, &port->host, &options);
  return parse_place (protocol, options, port, error) ? g_steal_pointer (&port) : NULL;
}

const BothyRequestType bothy_container_remove_port_request = { parse_remove_port, g_free };

void
bothy_container_handle_remove_port (BothyCall *call)
{
  g_autofree char *shown = bothy_port_describe (call->request);

  polkit_details_insert (call->details, "port", shown);
  bothy_registry_remove_port (call->registry, BOTHY_CONTAINER (call->node->target), call->request,
                              on_port_changed, bothy_call_ref (call));
}
