/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container's record: what was written is what is read, and nonsense is refused. */

#include "core/container/container-record.h"
#include "base/error.h"

#define ID          "7c1b3b9e-7c1b-4b9e-8c1b-7c1b3b9e7c1b"
#define FINGERPRINT "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static BothyContainer *
make_container (const char *const *command, const char *const *environment)
{
  BothyContainerSpec *spec = g_new0 (BothyContainerSpec, 1);
  BothyContainer *container;

  spec->name = g_strdup ("web-1");
  spec->image = g_strdup (FINGERPRINT);
  spec->network = bothy_container_network_parse ("nat", "", (const char *[]){ NULL }, NULL);
  spec->account = g_strdup ("alice");
  spec->hostname = g_strdup ("Web-1.example");
  spec->command = g_strdupv ((char **)command);
  spec->environment = g_strdupv ((char **)environment);
  spec->user = g_strdup ("www:data");
  spec->working_directory = g_strdup ("/srv/a b;c");
  spec->sysctls = g_strsplit ("net.core.somaxconn=9|kernel.sem=1 2\t3 4|net.x=a;b=c", "|", -1);
  spec->shm_size = (guint64)G_MAXINT64;
  spec->ephemeral = TRUE;
  container = bothy_container_new (ID, G_MAXINT32, 0x6fff0000, spec);
  container->created_at = 1;
  container->started_at = G_MAXINT64;
  container->last_code = -1;
  container->last_signal = 9;
  return container;
}

/* Through text, as on disk. */
static GKeyFile *
through_text (GKeyFile *record)
{
  g_autofree char *text = g_key_file_to_data (record, NULL, NULL);
  GKeyFile *again = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  g_key_file_load_from_data (again, text, (gsize)-1, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  return again;
}

static BothyContainer *
reread (BothyContainer *container)
{
  g_autoptr (GKeyFile) record = bothy_container_to_record (container);
  g_autoptr (GKeyFile) again = through_text (record);
  g_autoptr (GError) error = NULL;
  BothyContainer *other = bothy_container_from_record (ID, again, &error);

  g_assert_no_error (error);
  return other;
}

static void
check_strings (const char *const *command, const char *const *environment)
{
  g_autoptr (BothyContainer) container = make_container (command, environment);
  g_autoptr (BothyContainer) other = reread (container);

  g_assert_cmpstrv (other->spec->command, (char **)command);
  g_assert_cmpstrv (other->spec->environment, (char **)environment);
}

static void
test_round_trip (void)
{
  const char *none[] = { NULL };
  const char *command[] = { "/bin/sh", "-c", "a;b\\;c\n\t \"d\" [x]=#\r", "", " ", "\xc3\xa9", NULL };
  const char *environment[] = { "A=", "B=x;y;", "C=\\", "D= leading", NULL };
  g_autoptr (BothyContainer) container = make_container (command, environment);
  g_autoptr (BothyContainer) other = NULL;
  g_autoptr (GVariant) details = NULL;
  const char *program;

  container->last_error = g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_PROGRAM, "It said:\n \"no\"");
  bothy_error_set_detail (container->last_error, "program", " /bin/\xff;\n[x]=");
  other = reread (container);
  g_assert_cmpuint (other->owner, ==, G_MAXINT32);
  g_assert_cmpuint (other->range_base, ==, 0x6fff0000);
  g_assert_cmpstr (other->id, ==, ID);
  g_assert_cmpstr (other->spec->name, ==, "web-1");
  g_assert_cmpstr (other->spec->image, ==, FINGERPRINT);
  g_assert_cmpstr (other->spec->hostname, ==, "Web-1.example");
  g_assert_cmpstr (other->spec->user, ==, "www:data");
  g_assert_cmpstr (other->spec->working_directory, ==, "/srv/a b;c");
  g_assert_cmpstrv (other->spec->sysctls, container->spec->sysctls);
  g_assert_cmpuint (other->spec->shm_size, ==, G_MAXINT64);
  g_assert_cmpint (other->spec->network->kind, ==, BOTHY_CONTAINER_NETWORK_NAT);
  g_assert_true (other->spec->ephemeral && !other->spec->nesting);
  g_assert_cmpint (other->created_at, ==, 1);
  g_assert_cmpint (other->started_at, ==, G_MAXINT64);
  g_assert_cmpint (other->stopped_at, ==, 0);
  g_assert_cmpint (other->last_code, ==, -1);
  g_assert_cmpint (other->last_signal, ==, 9);
  g_assert_error (other->last_error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_PROGRAM);
  g_assert_cmpstr (other->last_error->message, ==, "It said:\n \"no\"");
  details = g_variant_ref_sink (bothy_error_details_to_variant (other->last_error));
  g_assert_true (g_variant_lookup (details, "program", "&s", &program));
  g_assert_cmpstr (program, ==, " /bin/\xef\xbf\xbd;\n[x]=");
  g_assert_cmpint (other->state, ==, BOTHY_CONTAINER_STOPPED);
  check_strings (command, environment);
  check_strings (none, none);
}

/* Programs take any bytes, and a record is UTF-8. */
static void
test_bytes (void)
{
  const char *command[] = { "/bin/\xff", "a\\377;b", "\xe9\n\t\"\\", "", "\xc3\xa9", NULL };
  const char *environment[] = { "A=\xfe", "B=x;y;", NULL };
  g_autoptr (BothyContainer) container = make_container (command, environment);
  g_autoptr (BothyContainer) other = NULL;
  BothyContainerSpec *spec = container->spec;

  spec->working_directory = (g_free (spec->working_directory), g_strdup ("/\xe9\\;"));
  other = reread (container);
  g_assert_cmpstr (other->spec->working_directory, ==, "/\xe9\\;");
  check_strings (command, environment);
}

static BothyContainer *
make_lan_container (const char *address, const char *const *resolvers)
{
  const char *none[] = { NULL };
  BothyContainer *container = make_container (none, none);
  g_autoptr (GError) error = NULL;

  bothy_container_network_free (container->spec->network);
  container->spec->network = bothy_container_network_parse ("lan:br0", address, resolvers, &error);
  g_assert_no_error (error);
  return container;
}

/* A network on a LAN is what was asked for, in a record as well. */
static void
test_lan (void)
{
  static const char *const addresses[] = { "", "192.0.2.7/24", "192.0.2.7/24,192.0.2.1" };
  const char *resolvers[] = { "192.0.2.53", "2001:db8::53", NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (addresses); i++) {
    g_autoptr (BothyContainer) container = make_lan_container (addresses[i], resolvers);
    g_autoptr (BothyContainer) other = NULL;
    g_autofree char *text = NULL;
    g_autofree char *address = NULL;

    container->spec->network->allowed = TRUE;
    other = reread (container);
    text = bothy_container_network_format (other->spec->network);
    address = bothy_container_network_format_address (other->spec->network);
    g_assert_cmpstr (text, ==, "lan:br0");
    g_assert_cmpstr (address, ==, addresses[i]);
    g_assert_cmpstrv (other->spec->network->resolvers, (char **)resolvers);
    g_assert_true (other->spec->network->allowed);
  }
}

static void
test_shared_addresses (void)
{
  const char *none[] = { NULL };
  g_autoptr (BothyContainer) one = make_lan_container ("192.0.2.7/24", none);
  g_autoptr (BothyContainer) same = make_lan_container ("192.0.2.7/25,192.0.2.1", none);
  g_autoptr (BothyContainer) other = make_lan_container ("192.0.2.8/24", none);
  g_autoptr (BothyContainer) dhcp = make_lan_container ("", none);

  g_assert_true (bothy_container_network_shares_address (one->spec->network, same->spec->network));
  g_assert_false (bothy_container_network_shares_address (one->spec->network, other->spec->network));
  g_assert_false (bothy_container_network_shares_address (dhcp->spec->network, dhcp->spec->network));
}

static void
test_bad_networks (void)
{
  static const struct {
    const char *network, *address, *resolver;
  } bad[] = {
    { "", "", NULL },
    { "bridge", "", NULL },
    { "lan:", "", NULL },
    { "lan:../x", "", NULL },
    { "nat", "192.0.2.7/24", NULL },
    { "none", "192.0.2.7/24", NULL },
    { "nat", "", "192.0.2.53" },
    { "lan:br0", "192.0.2.7", NULL },
    { "lan:br0", "", "localhost" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    const char *resolvers[] = { bad[i].resolver, NULL };
    g_autoptr (GError) error = NULL;

    g_assert_null (bothy_container_network_parse (bad[i].network, bad[i].address, resolvers, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
    /* Whether it is refused does not depend on who wants to know why. */
    g_assert_null (bothy_container_network_parse (bad[i].network, bad[i].address, resolvers, NULL));
  }
}

/* Only how it ended is on record; whether it runs is asked of the machine. */
static void
test_states (void)
{
  const char *none[] = { NULL };

  for (int state = BOTHY_CONTAINER_STOPPED; state <= BOTHY_CONTAINER_FAILED; state++) {
    g_autoptr (BothyContainer) container = make_container (none, none);
    g_autoptr (BothyContainer) other = NULL;

    bothy_container_set_state (container, (BothyContainerState)state);
    other = reread (container);
    g_assert_cmpint (bothy_container_is_active (other), ==, FALSE);
    g_assert_cmpint (other->state == BOTHY_CONTAINER_FAILED, ==, state == BOTHY_CONTAINER_FAILED);
    g_assert_nonnull (bothy_container_state_name ((BothyContainerState)state));
  }
}

static void
refuse (const char *id, const char *key, const char *value)
{
  const char *none[] = { NULL };
  g_autoptr (BothyContainer) container = make_container (none, none);
  g_autoptr (GKeyFile) record = bothy_container_to_record (container);
  g_autoptr (GError) error = NULL;

  if (value)
    g_key_file_set_value (record, "Container", key, value);
  else if (key)
    g_key_file_remove_key (record, "Container", key, NULL);
  if (bothy_container_from_record (id, record, &error))
    g_error ("%s=%s was taken", key, value);
  g_assert_nonnull (error);
}

static void
test_refused (void)
{
  static const struct {
    const char *key, *value;
  } changes[] = {
    { "Id", NULL },
    { "Id", "x" },
    { "Owner", NULL },
    { "Owner", "-1" },
    { "Owner", "root" },
    { "Owner", "4294967295" },
    { "Owner", "2147483648" },
    { "RangeBase", NULL },
    { "RangeBase", "0" },
    { "RangeBase", "65535" },
    { "RangeBase", "1073741825" },
    { "RangeBase", "4294967296" },
    { "RangeBase", "-65536" },
    { "Name", NULL },
    { "Name", "" },
    { "Name", "../x" },
    { "Name", "root" },
    { "Name", "A" },
    { "Image", NULL },
    { "Image", "../../etc" },
    { "Image", "abc" },
    { "Address", "192.0.2.7" },
    { "Resolvers", "localhost" },
  };

  refuse ("8c1b3b9e-7c1b-4b9e-8c1b-7c1b3b9e7c1b", NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    refuse (ID, changes[i].key, changes[i].value);
}

/* A record of a Bothy that knew less, or more. */
static void
test_other_versions (void)
{
  const char *none[] = { NULL };
  g_autoptr (BothyContainer) container = make_container (none, none);
  g_autoptr (GKeyFile) record = bothy_container_to_record (container);
  static const char *const later[] = { "Hostname",  "User",      "WorkingDirectory", "Ephemeral",
                                       "Nesting",   "Network",   "Account",          "Command",
                                       "CreatedAt", "LastError", "LastCode",         "Environment" };
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyContainer) other = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (later); i++)
    g_key_file_remove_key (record, "Container", later[i], NULL);
  g_key_file_set_string (record, "Container", "Unheard", "of");
  g_key_file_set_string (record, "Future", "Key", "value");
  other = bothy_container_from_record (ID, record, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (other->spec->hostname, ==, "");
  g_assert_cmpint (other->spec->network->kind, ==, BOTHY_CONTAINER_NETWORK_NONE);
  g_assert_nonnull (other->spec->command);
  g_assert_false (other->spec->ephemeral);
}

static void
test_busy (void)
{
  const char *none[] = { NULL };
  g_autoptr (BothyContainer) container = make_container (none, none);
  g_autoptr (GError) error = NULL;

  g_assert_true (bothy_container_begin (container, "starting", &error));
  g_assert_false (bothy_container_begin (container, "deleting", &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY);
  bothy_container_end (container);
  g_clear_error (&error);
  g_assert_true (bothy_container_begin (container, "deleting", &error));
  g_assert_false (bothy_container_require_running (container, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/container/record-round-trip", test_round_trip);
  g_test_add_func ("/container/record-states", test_states);
  g_test_add_func ("/container/STATE-03-record-refused", test_refused);
  g_test_add_func ("/container/LIFE-06-other-versions", test_other_versions);
  g_test_add_func ("/container/AUTH-10-busy", test_busy);
  g_test_add_func ("/container/lan", test_lan);
  g_test_add_func ("/container/shared-addresses", test_shared_addresses);
  g_test_add_func ("/container/bad-networks", test_bad_networks);
  g_test_add_func ("/container/bytes", test_bytes);
  return g_test_run ();
}
