/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What dbus/ says of properties is what objects deliver: each one, with its type, and no other. */

#include "scratch.h"

#include "bus/names.h"
#include "bus/properties.h"
#include "base/error.h"
#include "platform/cgroup-manager-cgroupfs.h"

#define FINGERPRINT "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static GDBusInterfaceInfo *
read_interface (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".xml", NULL);
  g_autofree char *path = g_build_filename (g_getenv ("BOTHY_SOURCE"), "dbus", file, NULL);
  g_autofree char *xml = NULL;
  g_autoptr (GDBusNodeInfo) node = NULL;

  g_assert_true (g_file_get_contents (path, &xml, NULL, NULL));
  node = g_dbus_node_info_new_for_xml (xml, NULL);
  g_assert_nonnull (node);
  return g_dbus_interface_info_ref (g_dbus_node_info_lookup_interface (node, name));
}

static void
check (const char *name, GVariant *properties)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (properties);
  GDBusInterfaceInfo *interface = read_interface (name);
  gsize described = 0;

  g_assert_true (g_variant_is_of_type (owned, G_VARIANT_TYPE_VARDICT));
  for (GDBusPropertyInfo **property = interface->properties; property && *property; property++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (owned, (*property)->name, NULL);

    if (!value)
      g_error ("%s.%s is not delivered", name, (*property)->name);
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE ((*property)->signature)))
      g_error ("%s.%s is %s, not %s", name, (*property)->name, g_variant_get_type_string (value),
               (*property)->signature);
    described++;
  }
  if (g_variant_n_children (owned) != described)
    g_error ("%s delivers what is not described", name);
  g_dbus_interface_info_unref (interface);
}

static BothyContainer *
make_container (void)
{
  BothyContainerSpec *spec = g_new0 (BothyContainerSpec, 1);

  spec->name = g_strdup ("web");
  spec->image = g_strdup (FINGERPRINT);
  spec->network = bothy_container_network_parse ("nat", "", (const char *[]){ NULL }, NULL);
  spec->account = g_strdup ("");
  spec->hostname = g_strdup ("web");
  spec->command = g_strsplit ("sleep 1", " ", -1);
  spec->environment = g_new0 (char *, 1);
  spec->user = g_strdup ("");
  spec->working_directory = g_strdup ("");
  return bothy_container_new ("7c1b3b9e-7c1b-4b9e-8c1b-7c1b3b9e7c1b", 1000, 1073741824, spec);
}

static void
test_container (void)
{
  g_autoptr (BothyContainer) container = make_container ();

  check (BOTHY_CONTAINER_INTERFACE, bothy_properties_of_container (G_OBJECT (container), 1000));
  g_assert_true (bothy_properties_container_visible (G_OBJECT (container), 1000));
  for (guint32 user = 0; user < 10001; user += user == 0 ? 1 : user * 9) {
    if (user != 1000)
      g_assert_false (bothy_properties_container_visible (G_OBJECT (container), user));
  }
}

static void
test_image (void)
{
  g_autoptr (BothyImage) image = bothy_image_new (FINGERPRINT);

  bothy_image_add_claim (image, 1000, "mine");
  check (BOTHY_IMAGE_INTERFACE, bothy_properties_of_image (G_OBJECT (image), 1000));
  check (BOTHY_IMAGE_INTERFACE, bothy_properties_of_image (G_OBJECT (image), 1001));
  g_assert_true (bothy_properties_image_visible (G_OBJECT (image), 1000));
  g_assert_false (bothy_properties_image_visible (G_OBJECT (image), 1001));
}

static void
test_operation (void)
{
  g_autoptr (BothyOperation) operation = bothy_operation_new (1, 1000, "import", "debian/13", "unpack");
  g_autoptr (BothyOperation) failed = bothy_operation_new (2, 1000, "import", NULL, "unpack");
  g_autoptr (GError) error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE, "It is none");

  check (BOTHY_OPERATION_INTERFACE, bothy_properties_of_operation (G_OBJECT (operation), 1000));
  bothy_operation_complete (operation, BOTHY_IMAGE_PATH "/a", NULL);
  check (BOTHY_OPERATION_INTERFACE, bothy_properties_of_operation (G_OBJECT (operation), 1000));
  bothy_operation_complete (failed, NULL, error);
  check (BOTHY_OPERATION_INTERFACE, bothy_properties_of_operation (G_OBJECT (failed), 1000));
  g_assert_true (bothy_properties_operation_visible (G_OBJECT (failed), 1000));
  g_assert_false (bothy_properties_operation_visible (G_OBJECT (failed), 1001));
}

static void
test_process (void)
{
  g_autoptr (BothyContainer) container = make_container ();
  g_autoptr (BothyProcess) process = g_object_new (BOTHY_TYPE_PROCESS, NULL);

  process->user = 1001;
  process->argv = g_strsplit ("sh -c true", " ", -1);
  process->container = g_object_ref (container);
  check (BOTHY_PROCESS_INTERFACE, bothy_properties_of_process (G_OBJECT (process), 1001));
  g_assert_true (bothy_properties_process_visible (G_OBJECT (process), 1000));
  g_assert_true (bothy_properties_process_visible (G_OBJECT (process), 1001));
  g_assert_false (bothy_properties_process_visible (G_OBJECT (process), 1002));
}

static void
test_manager (void)
{
  g_autoptr (GError) error = NULL;
  BothyConfiguration *configuration = bothy_configuration_load ("/run/none", "/run/none", &error);
  g_autoptr (BothyHelperClient) helper = bothy_helper_client_new ();
  g_autoptr (BothyCgroupManager) cgroups = bothy_cgroup_manager_cgroupfs_new (helper);
  g_autoptr (BothyRegistry) registry = bothy_registry_new (configuration, helper, cgroups, &error);

  g_assert_no_error (error);
  check (BOTHY_MANAGER_INTERFACE, bothy_properties_of_manager (G_OBJECT (registry), 1000));
  g_assert_true (bothy_properties_manager_visible (G_OBJECT (registry), 1000));
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_assert_true (g_mkdir_with_parents ("/var/lib", 0755) == 0);
  g_assert_cmpint (mount ("state", "/var/lib", "tmpfs", 0, "mode=0755"), ==, 0);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/properties/container", test_container);
  g_test_add_func ("/properties/image", test_image);
  g_test_add_func ("/properties/operation", test_operation);
  g_test_add_func ("/properties/process", test_process);
  g_test_add_func ("/properties/manager", test_manager);
  return g_test_run ();
}
