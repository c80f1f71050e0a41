/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/bridge-profile-private.h"

#include "base/error.h"
#include "base/validate.h"
#include "network/subnet.h"

#include <arpa/inet.h>

#define MARK       "bothy.bridge" /* in the profile's user data: the bridge that it was made for */
#define NIC_PREFIX "bothy"        /* names of ours */
#define MIN_PREFIX 8
#define MAX_PREFIX 30

void
bothy_bridge_profile_free (BothyBridgeProfile *self)
{
  g_free (self->name);
  g_free (self->port);
  g_free (self->subnet);
  g_free (self);
}

/* ---- what is asked for ---- */

static gboolean
refuse (GError **error, const char *text)
{
  g_set_error_literal (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, text);
  return FALSE;
}

static NMIPAddress *
parse_subnet (const char *subnet)
{
  g_auto (GStrv) parts = g_strsplit (subnet, "/", 2);
  guint64 prefix;

  if (!parts[0] || !parts[1] || !nm_utils_ipaddr_valid (AF_INET, parts[0]) ||
      !g_ascii_string_to_unsigned (parts[1], 10, MIN_PREFIX, MAX_PREFIX, &prefix, NULL))
    return NULL;
  return nm_ip_address_new (AF_INET, parts[0], (guint)prefix, NULL);
}

static gboolean
check_subnet (const char *subnet, GError **error)
{
  NMIPAddress *address = parse_subnet (subnet);

  if (!address)
    return refuse (error,
                   "Option \"subnet\": the bridge's own IPv4 address with prefix length is wanted, such as "
                   "10.50.0.1/24");
  nm_ip_address_unref (address);
  return TRUE;
}

gboolean
bothy_bridge_profile_check (const BothyBridgeProfile *self, GError **error)
{
  if (!bothy_is_interface_name (self->name) || !g_ascii_isalpha (self->name[0]))
    return refuse (error, "Name: use 1 to 15 of A-Z, a-z, 0-9 and ._-, a letter first");
  if (g_str_has_prefix (self->name, NIC_PREFIX))
    return refuse (error, "Name: what begins with \"" NIC_PREFIX "\" is Bothy's own; take another");
  if (self->port && self->nat)
    return refuse (error, "Option \"port\": only a bridge of the kind \"lan\" has one");
  if (self->port && !bothy_is_interface_name (self->port))
    return refuse (error, "Option \"port\": the name of a network interface is wanted");
  if (self->subnet && !self->nat)
    return refuse (error, "Option \"subnet\": only a bridge of the kind \"nat\" has one");
  return !self->subnet || check_subnet (self->subnet, error);
}

/* ---- profiles ---- */

const char *
bothy_bridge_profile_mark (NMConnection *connection)
{
  NMSettingUser *user = NM_SETTING_USER (nm_connection_get_setting (connection, NM_TYPE_SETTING_USER));

  return user ? nm_setting_user_get_data (user, MARK) : NULL;
}

gboolean
bothy_bridge_profile_is_ours (NMConnection *connection)
{
  return bothy_bridge_profile_mark (connection) != NULL;
}

static NMConnection *
new_profile (const BothyBridgeProfile *profile, const char *id, const char *type, const char *interface)
{
  NMConnection *connection = nm_simple_connection_new ();
  g_autofree char *uuid = g_uuid_string_random ();
  NMSetting *user = nm_setting_user_new ();

  nm_setting_user_set_data (NM_SETTING_USER (user), MARK, profile->name, NULL);
  nm_connection_add_setting (connection, user);
  nm_connection_add_setting (connection,
                             g_object_new (NM_TYPE_SETTING_CONNECTION, NM_SETTING_CONNECTION_ID, id,
                                           NM_SETTING_CONNECTION_UUID, uuid, NM_SETTING_CONNECTION_TYPE, type,
                                           NM_SETTING_CONNECTION_INTERFACE_NAME, interface, NULL));
  return connection;
}

/* NetworkManager would choose one that it has not given out itself, whatever routes there are; only if all are taken it may. */
static void
add_addresses (NMConnection *connection, const BothyBridgeProfile *profile)
{
  NMSetting *ip4 = nm_setting_ip4_config_new (), *ip6 = nm_setting_ip6_config_new ();
  g_autofree char *chosen =
      profile->nat && !profile->subnet ? bothy_subnet_choose_small (profile->name) : NULL;
  const char *subnet = profile->subnet ? profile->subnet : chosen;
  NMIPAddress *address = subnet ? parse_subnet (subnet) : NULL;
  const char *of_lan = profile->port ? "auto" : "disabled";

  g_object_set (ip4, NM_SETTING_IP_CONFIG_METHOD, profile->nat ? NM_SETTING_IP4_CONFIG_METHOD_SHARED : of_lan,
                NULL);
  g_object_set (ip6, NM_SETTING_IP_CONFIG_METHOD, profile->nat ? "disabled" : of_lan, NULL);
  if (address) {
    nm_setting_ip_config_add_address (NM_SETTING_IP_CONFIG (ip4), address);
    nm_ip_address_unref (address);
  }
  nm_connection_add_setting (connection, ip4);
  nm_connection_add_setting (connection, ip6);
}

NMConnection *
bothy_bridge_profile_make_bridge (const BothyBridgeProfile *profile)
{
  NMConnection *connection =
      new_profile (profile, profile->name, NM_SETTING_BRIDGE_SETTING_NAME, profile->name);

  nm_connection_add_setting (
      connection, g_object_new (NM_TYPE_SETTING_BRIDGE, NM_SETTING_BRIDGE_STP, profile->stp, NULL));
  add_addresses (connection, profile);
  return connection;
}

NMConnection *
bothy_bridge_profile_make_port (const BothyBridgeProfile *profile, NMConnection *bridge)
{
  g_autofree char *id = g_strdup_printf ("%s port %s", profile->name, profile->port);
  NMConnection *connection = new_profile (profile, id, NM_SETTING_WIRED_SETTING_NAME, profile->port);

  g_object_set (nm_connection_get_setting_connection (connection), NM_SETTING_CONNECTION_MASTER,
                nm_connection_get_uuid (bridge), NM_SETTING_CONNECTION_SLAVE_TYPE,
                NM_SETTING_BRIDGE_SETTING_NAME, NULL);
  nm_connection_add_setting (connection, nm_setting_wired_new ());
  return connection;
}
