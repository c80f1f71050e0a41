/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which devices a user means, which are for whom, and what is kept of them. */

#include "scratch.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"
#include "core/devices/device.h"
#include "devices/protocol.h"

static BothyHostDevice *
make_host (
    const char *name, const char *subsystem, const char *vendor, const char *product, const char *serial)
{
  BothyHostDevice *host = g_new0 (BothyHostDevice, 1);

  g_atomic_ref_count_init (&host->references);
  host->major = 188;
  host->name = g_strdup (name);
  host->subsystem = g_strdup (subsystem);
  host->path = g_strdup_printf ("/devices/%s", name);
  host->number = g_strdup ("7");
  host->vendor = g_strdup (vendor);
  host->product = g_strdup (product);
  host->serial = g_strdup (serial);
  host->port = g_strdup ("");
  host->vendor_name = g_strdup ("");
  host->model_name = g_strdup ("");
  host->properties = g_strsplit ("ID_MODEL=Stick A=b ID_BUS=usb", " ", -1);
  return host;
}

static gboolean
means (const char *text, BothyHostDevice *host)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyDeviceMatch) match = bothy_device_match_parse (text, &error);

  g_assert_no_error (error);
  return bothy_device_match_has (match, host);
}

static void
test_matches (void)
{
  BothyHostDevice *stick = make_host ("ttyUSB7", "tty", "0658", "0200", "S1");
  static const char *const yes[] = { "usb:0658:0200",  "usb:0658:0200:S1", "path:/dev/ttyUSB7",
                                     "ID_MODEL=Stick", "A=b,ID_BUS=usb",   "serial" };
  static const char *const no[] = { "usb:0658:0201",
                                    "usb:0200:0658",
                                    "usb:0658:0200:S2",
                                    "usb:0658:0200:S",
                                    "path:/dev/ttyUSB70",
                                    "ID_MODEL=Stic",
                                    "A=b,ID_BUS=pci",
                                    "MODEL=Stick",
                                    "gpu",
                                    "sound",
                                    "camera",
                                    "input",
                                    "kvm",
                                    "tun",
                                    "fuse" };

  for (gsize i = 0; i < G_N_ELEMENTS (yes); i++)
    if (!means (yes[i], stick))
      g_error ("%s does not mean it", yes[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (no); i++)
    if (means (no[i], stick))
      g_error ("%s means it", no[i]);
  bothy_host_device_unref (stick);
}

static void
test_upper_case (void)
{
  g_autoptr (BothyDeviceMatch) match = bothy_device_match_parse ("usb:ABCD:00Ef", NULL);

  g_assert_cmpstr (bothy_device_match_text (match), ==, "usb:abcd:00ef");
}

static void
test_refused (void)
{
  static const char *const texts[] = {
    "",
    "usb",
    "usb:",
    "usb:658:200",
    "usb:0658",
    "usb:0658:",
    "usb:0658:0200:",
    "usb:065g:0200",
    "usb:0658:02000",
    "path:",
    "path:ttyUSB0",
    "path:/dev",
    "path:/dev/",
    "path:/dev/../mem",
    "path:/dev/a/../b",
    "path:/dev//x",
    "path:/dev/.x",
    "path:/proc/self/fd/3",
    "path:/dev/x y",
    "KEY=",
    "=value",
    "key=value",
    "A=b,",
    ",A=b",
    "A=b,,C=d",
    "gpus",
    "GPU",
    "disk",
    "a\nb=c",
    "A=\n",
    "A=\xff",
    "A=1,B=1,C=1,D=1,E=1,F=1,G=1,H=1,I=1",
    "PID=4711",
    "A=b,ACTION=add",
    "SEQNUM=7",
    "SYNTH_ARG_X=1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyDeviceMatch) match = bothy_device_match_parse (texts[i], &error);

    if (match)
      g_error ("\"%s\" was understood", texts[i]);
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
    g_assert_nonnull (strstr (error->message, "usb:VENDOR:PRODUCT"));
  }
}

static void
test_long (void)
{
  g_autofree char *value = g_strnfill (513, 'x');
  g_autofree char *text = g_strconcat ("A=", value, NULL);

  g_assert_null (bothy_device_match_parse (text, NULL));
}

static void
expect_kind (const char *name, const char *subsystem, BothyDeviceKind kind)
{
  BothyHostDevice *host = make_host (name, subsystem, "", "", "");

  if (bothy_device_kind (host) != kind)
    g_error ("%s of %s is of kind %d", name, subsystem, bothy_device_kind (host));
  bothy_host_device_unref (host);
}

static void
test_kinds (void)
{
  static const char *const own[][2] = { { "ttyUSB0", "tty" },        { "ttyS0", "tty" },
                                        { "hidraw3", "hidraw" },     { "bus/usb/001/004", "usb" },
                                        { "dri/card0", "drm" },      { "snd/pcmC0D0p", "sound" },
                                        { "video0", "video4linux" }, { "input/event3", "input" },
                                        { "kvm", "misc" },           { "fuse", "misc" },
                                        { "net/tun", "misc" } };
  static const char *const ask[][2] = {
    { "hwrng", "misc" }, { "uinput", "misc" }, { "uhid", "misc" }, { "gpiochip0", "gpio" }, { "x", "odd" }
  };
  static const char *const never[][2] = {
    { "mem", "mem" },
    { "kmsg", "mem" },
    { "sg0", "scsi_generic" },
    { "nvme0", "nvme" },
    { "tty1", "tty" },
    { "console", "tty" },
    { "tty", "tty" },
    { "ptyp0", "tty" },
    { "vcs1", "vc" },
    { "cpu/0/msr", "msr" },
    { "mtd0", "mtd" },
    { "unknown", "" },
    { "bsg/0:0", "bsg" },
    { "watchdog0", "watchdog" },
    { "watchdog", "misc" },
    { "watchdog3", "misc" },
    { "iommu", "misc" },
    { "mcelog", "misc" },
    { "snapshot", "misc" },
    { "mapper/control", "misc" },
    { "vhost-net", "misc" },
    { "vhost-vsock", "misc" },
    { "cuse", "misc" },
    { "xen/privcmd", "misc" },
    { "nvme-fabrics", "nvme-fabrics" },
    { "uio0", "uio" },
    { "dax0.0", "dax" },
    { "ndctl0", "nd" },
    { "fw0", "firewire" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (own); i++)
    expect_kind (own[i][0], own[i][1], BOTHY_DEVICE_OWN);
  for (gsize i = 0; i < G_N_ELEMENTS (ask); i++)
    expect_kind (ask[i][0], ask[i][1], BOTHY_DEVICE_ASK);
  for (gsize i = 0; i < G_N_ELEMENTS (never); i++)
    expect_kind (never[i][0], never[i][1], BOTHY_DEVICE_NEVER);
}

static void
test_kinds_of_memory_and_disks (void)
{
  BothyHostDevice *host = make_host ("ttyUSB0", "tty", "", "", "");

  host->is_block = TRUE;
  g_assert_cmpint (bothy_device_kind (host), ==, BOTHY_DEVICE_NEVER);
  host->is_block = FALSE;
  host->major = 1;
  g_assert_cmpint (bothy_device_kind (host), ==, BOTHY_DEVICE_NEVER);
  bothy_host_device_unref (host);
}

static gboolean
is_approved (const char *approved, BothyHostDevice *host)
{
  const char *const list[] = { "at:/devices/other", approved, NULL };

  return bothy_device_is_approved (list, host);
}

/* What was approved is that device, wherever it is plugged in, and no other in its place. */
static void
test_approved (void)
{
  BothyHostDevice *stick = make_host ("ttyUSB7", "tty", "0658", "0200", "S1");
  BothyHostDevice *line = make_host ("ttyS0", "tty", "", "", "");

  g_assert_true (is_approved ("usb:0658:0200:S1", stick));
  g_assert_true (is_approved ("usb:0658:0200", stick));
  g_assert_false (is_approved ("usb:0658:0200:S2", stick));
  g_assert_false (is_approved ("usb:0658:0200:", stick));
  g_assert_false (is_approved ("usb:0658:020", stick));
  g_assert_false (is_approved ("at:/devices/ttyUSB7", stick));
  g_assert_true (is_approved ("at:/devices/ttyS0", line));
  g_assert_false (is_approved ("at:/devices/ttyS", line));
  g_assert_false (is_approved ("usb:", line));
  g_assert_false (bothy_device_is_approved (NULL, line));
  bothy_host_device_unref (stick);
  bothy_host_device_unref (line);
}

/* A stick without a serial number is known by its port: any other of that model would be it. */
static void
test_approved_without_serial (void)
{
  BothyHostDevice *stick = make_host ("ttyUSB7", "tty", "0658", "0200", "");
  BothyHostDevice *liar = make_host ("ttyUSB8", "tty", "0658", "0200", "@/devices/usb1/1-4");
  g_autofree char *identity = NULL, *other = NULL;

  g_free (stick->port);
  stick->port = g_strdup ("/devices/usb1/1-4");
  identity = bothy_device_identity (stick);
  other = bothy_device_identity (liar);
  g_assert_cmpstr (identity, ==, "usb:0658:0200@/devices/usb1/1-4");
  g_assert_cmpstr (other, !=, identity);
  g_assert_true (is_approved (identity, stick));
  g_assert_false (is_approved ("usb:0658:0200:", stick));
  g_free (stick->port);
  stick->port = g_strdup ("/devices/usb1/1-5");
  g_assert_false (is_approved (identity, stick));
  bothy_host_device_unref (stick);
  bothy_host_device_unref (liar);
}

/* What a program makes, by uinput or uhid, can be made to look like what was agreed to. */
static void
test_approved_made_up (void)
{
  static const char *const paths[] = { "/devices/virtual/input/input9/event3",
                                       "/devices/virtual/misc/uhid/0003:0658:0200.0001/hidraw/hidraw0" };
  BothyHostDevice *host = make_host ("input/event3", "input", "0658", "0200", "S1");

  g_assert_true (is_approved ("usb:0658:0200:S1", host));
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_free (host->path);
    host->path = g_strdup (paths[i]);
    g_assert_true (bothy_device_is_made_up (host));
    g_assert_false (is_approved ("usb:0658:0200:S1", host));
    g_assert_false (is_approved ("usb:0658:0200", host));
  }
  bothy_host_device_unref (host);
}

/* USB's own node of a memory stick is the disk by another way. */
static void
test_disk_by_usb (void)
{
  g_autoptr (GPtrArray) hosts = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_host_device_unref);
  BothyHostDevice *stick = make_host ("bus/usb/001/004", "usb", "0781", "5567", "");
  BothyHostDevice *next = make_host ("bus/usb/001/005", "usb", "0781", "5567", "");
  BothyHostDevice *disk = make_host ("sda", "block", "", "", "");

  g_free (stick->path);
  g_free (next->path);
  g_free (disk->path);
  stick->path = g_strdup ("/devices/usb1/1-4");
  next->path = g_strdup ("/devices/usb1/1-41");
  disk->path = g_strdup ("/devices/usb1/1-4/1-4:1.0/host0/block/sda");
  g_ptr_array_add (hosts, stick);
  g_ptr_array_add (hosts, next);
  g_assert_false (bothy_device_has_disk (stick, hosts));
  disk->is_block = TRUE;
  g_ptr_array_add (hosts, disk);
  g_assert_true (bothy_device_has_disk (stick, hosts));
  g_assert_false (bothy_device_has_disk (next, hosts));
}

static BothyDevice *
make (const char *name, const char *group, const char *mode, const char *link, GError **error)
{
  return bothy_device_new (name, "usb:0658:0200", "", group, mode, link, error);
}

static void
test_what_a_caller_says (void)
{
  static const char *const wrong[][4] = {
    { "X", "", "", "" },      { "", "", "", "" },     { "a", "a:b", "", "" }, { "a", "", "9", "" },
    { "a", "", "01000", "" }, { "a", "", "rw", "" },  { "a", "", "", "a/b" }, { "a", "", "", ".." },
    { "a", "", "", "%n/x" },  { "a", "", "", "a b" }, { "a", "", "", "%s" },  { "a", "", "7777", "" },
    { "a", "a\nb", "", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    if (make (wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3], &error))
      g_error ("number %zu was taken", i);
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
  }
}

static void
expect_link (const char *link, const char *number, const char *expected)
{
  g_autoptr (BothyDevice) device = make ("a", "", "", link, NULL);
  BothyHostDevice *host = make_host ("ttyUSB7", "tty", "0658", "0200", "S1");
  g_autofree char *made = NULL;

  g_free (host->number);
  host->number = g_strdup (number);
  made = bothy_device_make_link (device, host);
  g_assert_cmpstr (made, ==, expected);
  bothy_host_device_unref (host);
}

static void
test_links (void)
{
  expect_link ("zwave%n", "7", "zwave7");
  expect_link ("zwave%n", "", "zwave");
  expect_link ("zwave", "7", "zwave");
  expect_link ("", "7", "");
  expect_link ("ttyUSB%n", "7", "");
  expect_link ("x%n", "../../y", "");
}

static void
test_record (void)
{
  g_autoptr (GPtrArray) devices = bothy_devices_new (), read = NULL;
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  BothyDevice *device = make ("zwave", "dialout", "", "zwave%n", NULL);

  g_strfreev (device->approved);
  device->approved = g_strsplit ("usb:0658:0200:S;1 usb:0658:0200:\\n", " ", -1);
  device->approved_only = TRUE;
  g_ptr_array_add (devices, device);
  g_ptr_array_add (devices, make ("other", "", "0640", "", NULL));
  bothy_devices_to_record (devices, record);
  read = bothy_devices_from_record (record, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (read->len, ==, 2);
  device = bothy_devices_find (read, "zwave");
  g_assert_cmpstr (device->user, ==, ":dialout");
  g_assert_cmpuint (device->mode, ==, 0660);
  g_assert_cmpstr (device->link, ==, "zwave%n");
  g_assert_cmpstr (device->approved[0], ==, "usb:0658:0200:S;1");
  g_assert_cmpstr (device->approved[1], ==, "usb:0658:0200:\\n");
  g_assert_null (device->approved[2]);
  g_assert_true (device->approved_only);
  g_assert_false (bothy_devices_find (read, "other")->approved_only);
  g_assert_cmpuint (bothy_devices_find (read, "other")->mode, ==, 0640);
  g_key_file_set_string (record, "Device zwave", "Match", "nonsense");
  g_assert_null (bothy_devices_from_record (record, &error));
  g_assert_nonnull (error);
}

static void
test_bounds (void)
{
  g_autoptr (GPtrArray) devices = bothy_devices_new ();

  for (guint i = 0; i < 16; i++) {
    g_autofree char *name = g_strdup_printf ("d%u", i);

    g_assert_true (bothy_devices_check (devices, name, NULL));
    g_ptr_array_add (devices, make (name, "", "", "", NULL));
  }
  for (guint i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (bothy_devices_check (devices, i ? "d3" : "d16", &error));
    g_assert_cmpint (error->code, ==, i ? (gint)BOTHY_ERROR_DEVICE_EXISTS : (gint)BOTHY_ERROR_QUOTA_EXCEEDED);
  }
}

/* ---- what a bothy-devices that was taken over says ---- */

static int
listen_as_devices (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/bothy/devices.sock" };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_assert_cmpint (g_mkdir_with_parents ("/run/bothy", 0755), ==, 0);
  unlink (address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  return fd;
}

/* TEXT ends with a NUL more than SIZE says. */
static void
say (int fd, guint32 type, guint32 minor, const char *text, gsize size, gint lie)
{
  struct devices_message message = { .version = DEVICES_PROTOCOL_VERSION,
                                     .type = type,
                                     .major = 188,
                                     .minor = minor,
                                     .text_size = (guint32)((gint)size + lie) };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *)&message, sizeof message);
  g_byte_array_append (bytes, (const guint8 *)text, (guint)size);
  g_assert_cmpint (send (fd, bytes->data, bytes->len, MSG_NOSIGNAL), ==, (gssize)bytes->len);
}

static void
on_ready (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(gboolean *)user_data = bothy_device_monitor_wait_finish (BOTHY_DEVICE_MONITOR (source), result, NULL);
}

#define WORDS(name)                                                                                          \
  name "\0tty\0/devices/x\0"                                                                                 \
       "1\0"                                                                                                 \
       "06AB\0"                                                                                              \
       "0200\0S\nx\0/devices/p\0Ven\xff\0Mod\x1b[1m\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\0A=b\0PID=1\0"

static void
test_hostile (void)
{
  g_autoptr (BothyDeviceMonitor) monitor = bothy_device_monitor_new (FALSE);
  g_autoptr (GPtrArray) found = NULL;
  autofd listener = listen_as_devices ();
  autofd fd = -1;
  const BothyHostDevice *host;
  gboolean ready = FALSE;

  bothy_device_monitor_wait (monitor, on_ready, &ready);
  fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  /* Too short, sizes that are not so, words that are missing, names that are paths, types that there are not. */
  g_assert_cmpint (send (fd, "x", 1, MSG_NOSIGNAL), ==, 1);
  say (fd, DEVICES_PRESENT, 1, WORDS ("a"), sizeof WORDS ("a") - 1, 1);
  say (fd, DEVICES_PRESENT, 2, WORDS ("a"), sizeof WORDS ("a") - 1, -1);
  say (fd, DEVICES_PRESENT, 3, WORDS ("a"), sizeof WORDS ("a") - 2, 0);
  say (fd, DEVICES_PRESENT, 4, "ttyS0\0tty\0", 10, 0);
  say (fd, DEVICES_PRESENT, 5, WORDS ("../mem"), sizeof WORDS ("../mem") - 1, 0);
  say (fd, DEVICES_PRESENT, 6, WORDS ("a b"), sizeof WORDS ("a b") - 1, 0);
  say (fd, DEVICES_PRESENT, 7, "", 0, 0);
  say (fd, 99, 8, WORDS ("a"), sizeof WORDS ("a") - 1, 0);
  say (fd, DEVICES_GONE, 9, "", 0, 0);
  say (fd, DEVICES_PRESENT, 10, WORDS ("ttyUSB0"), sizeof WORDS ("ttyUSB0") - 1, 0);
  say (fd, DEVICES_READY, 0, "", 0, 0);
  while (!ready)
    g_main_context_iteration (NULL, TRUE);
  found = bothy_device_monitor_list (monitor);
  g_assert_cmpuint (found->len, ==, 1);
  host = found->pdata[0];
  g_assert_cmpstr (host->name, ==, "ttyUSB0");
  g_assert_cmpstr (host->vendor, ==, "06ab");
  /* What is shown is one line of text. */
  g_assert_cmpstr (host->serial, ==, "S x");
  g_assert_cmpstr (host->vendor_name, ==, "Ven\xef\xbf\xbd");
  g_assert_cmpstr (host->model_name, ==, "Mod [1m");
  g_assert_true (g_strv_contains ((const char *const *)host->properties, "A=b"));
  g_assert_false (g_strv_contains ((const char *const *)host->properties, "PID=1"));
}

/* ---- what there is, as it changes ---- */

typedef struct {
  BothyDeviceMonitor *monitor;
  int listener;
  int fd;
  gboolean ready;
  guint changes;
} Watching;

static void
on_changed (BothyDeviceMonitor *monitor, gpointer user_data)
{
  ((Watching *)user_data)->changes++;
}

static void
watching_begin (Watching *watching)
{
  *watching = (Watching){ .monitor = bothy_device_monitor_new (FALSE), .listener = listen_as_devices () };
  g_signal_connect (watching->monitor, "changed", G_CALLBACK (on_changed), watching);
  bothy_device_monitor_wait (watching->monitor, on_ready, &watching->ready);
  watching->fd = accept4 (watching->listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (watching->fd, >=, 0);
}

static void
watching_end (Watching *watching)
{
  g_object_unref (watching->monitor);
  close (watching->fd);
  close (watching->listener);
}

#define SAY(watching, text) say ((watching)->fd, DEVICES_PRESENT, 1, text, sizeof text - 1, 0)
#define READY(watching)     say ((watching)->fd, DEVICES_READY, 0, "", 0, 0)

static void
until_ready (Watching *watching)
{
  while (!bothy_device_monitor_is_ready (watching->monitor))
    g_main_context_iteration (NULL, TRUE);
}

/* Of the one device: which time of being plugged in it is. Another one, said last, tells that all was read. */
static guint64
get_plugged (Watching *watching)
{
  static guint32 last = 1000;
  guint64 plugged = 0;
  gboolean seen = FALSE;

  say (watching->fd, DEVICES_PRESENT, ++last, WORDS ("last"), sizeof WORDS ("last") - 1, 0);
  while (!seen) {
    g_autoptr (GPtrArray) all = NULL;

    g_main_context_iteration (NULL, TRUE);
    all = bothy_device_monitor_list (watching->monitor);
    for (guint i = 0; i < all->len; i++) {
      const BothyHostDevice *host = all->pdata[i];

      seen = seen || host->minor == last;
      if (host->minor == 1)
        plugged = host->plugged;
    }
  }
  return plugged;
}

#define STICK(name, subsystem, vendor, product, serial, moment)                                              \
  name "\0" subsystem "\0/devices/x\0"                                                                       \
       "1\0" vendor "\0" product "\0" serial "\0/devices/p\0V\0M\0A=b\0USEC_INITIALIZED=" moment "\0"

static void
test_changes (void)
{
  static const struct {
    const char *text;
    gsize size;
  } others[] = {
#define OTHER(...) { STICK (__VA_ARGS__), sizeof STICK (__VA_ARGS__) - 1 }
    OTHER ("b", "tty", "0658", "0200", "S", "5"), OTHER ("a", "input", "0658", "0200", "S", "5"),
    OTHER ("a", "tty", "0659", "0200", "S", "5"), OTHER ("a", "tty", "0658", "0201", "S", "5"),
    OTHER ("a", "tty", "0658", "0200", "T", "5"), OTHER ("a", "tty", "0658", "0200", "S", "6"),
  };
  static const char stick[] = STICK ("a", "tty", "0658", "0200", "S", "5");
  static const char event[] =
      STICK ("a", "tty", "0658", "0200", "S", "5") "ACTION=change\0SEQNUM=9\0COUNT=3\0";
  static const char more[] = STICK ("a", "tty", "0658", "0200", "S", "5") "ID_MORE=1\0";
  Watching watching;
  guint64 plugged;
  guint changes;

  watching_begin (&watching);
  SAY (&watching, stick);
  READY (&watching);
  until_ready (&watching);
  plugged = get_plugged (&watching);
  changes = watching.changes;
  /* What anybody can make: an event about nothing. One change is get_plugged()'s own. */
  for (guint i = 0; i < 50; i++)
    SAY (&watching, event);
  g_assert_cmpuint (get_plugged (&watching), ==, plugged);
  g_assert_cmpuint (watching.changes, ==, changes + 1);
  /* Something of it changed. */
  SAY (&watching, more);
  g_assert_cmpuint (get_plugged (&watching), ==, plugged);
  g_assert_cmpuint (watching.changes, ==, changes + 3);
  /* Another one has its number and its place, and nobody said that the first was gone. */
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++) {
    SAY (&watching, stick);
    plugged = get_plugged (&watching);
    say (watching.fd, DEVICES_PRESENT, 1, others[i].text, others[i].size, 0);
    g_assert_cmpuint (get_plugged (&watching), >, plugged);
  }
  watching_end (&watching);
}

static void
until_connected (Watching *watching)
{
  close (watching->fd);
  g_assert_cmpint (fcntl (watching->listener, F_SETFL, O_NONBLOCK), ==, 0);
  while ((watching->fd = accept4 (watching->listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (fcntl (watching->listener, F_SETFL, 0), ==, 0);
}

/* However early and often it ends, it is asked again. */
static void
test_again (void)
{
  Watching watching;

  watching_begin (&watching);
  for (guint i = 0; i < 2; i++)
    until_connected (&watching);
  READY (&watching);
  until_ready (&watching);
  watching_end (&watching);
}

/* When nobody watches for some seconds, nothing is known; and then it is again, and is plugged in anew. */
static void
test_blind (void)
{
  static const char stick[] = STICK ("a", "tty", "0658", "0200", "S", "5");
  Watching watching;
  guint64 plugged;

  watching_begin (&watching);
  SAY (&watching, stick);
  READY (&watching);
  until_ready (&watching);
  plugged = get_plugged (&watching);
  until_connected (&watching);
  while (!bothy_device_monitor_is_blind (watching.monitor)) {
    g_autoptr (GPtrArray) all = bothy_device_monitor_list (watching.monitor);

    g_assert_cmpuint (all->len, >, 0);
    g_main_context_iteration (NULL, TRUE);
  }
  g_assert_false (bothy_device_monitor_is_ready (watching.monitor));
  SAY (&watching, stick);
  READY (&watching);
  until_ready (&watching);
  g_assert_false (bothy_device_monitor_is_blind (watching.monitor));
  g_assert_cmpuint (get_plugged (&watching), >, plugged);
  watching_end (&watching);
}

/* What devices say of themselves is cut. */
static void
test_long_names (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GPtrArray) all = NULL;
  Watching watching;

  g_byte_array_append (bytes,
                       (const guint8 *)"a\0tty\0/devices/x\0"
                                       "1\0\0\0\0\0",
                       23);
  for (guint word = 0; word < 2; word++) {
    for (guint i = 0; i < 1000; i++)
      g_byte_array_append (bytes, (const guint8 *)"\xc3\xa4", 2);
    g_byte_array_append (bytes, (const guint8 *)"", 1);
  }
  watching_begin (&watching);
  say (watching.fd, DEVICES_PRESENT, 1, (const char *)bytes->data, bytes->len, 0);
  READY (&watching);
  until_ready (&watching);
  all = bothy_device_monitor_list (watching.monitor);
  g_assert_cmpuint (all->len, ==, 1);
  g_assert_cmpint (g_utf8_strlen (((BothyHostDevice *)all->pdata[0])->model_name, -1), ==, 64);
  g_assert_cmpint (g_utf8_strlen (((BothyHostDevice *)all->pdata[0])->vendor_name, -1), ==, 64);
  watching_end (&watching);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/devices/DEV-02-matches", test_matches);
  g_test_add_func ("/devices/DEV-02-upper-case", test_upper_case);
  g_test_add_func ("/devices/DEV-02-refused", test_refused);
  g_test_add_func ("/devices/DEV-02-long", test_long);
  g_test_add_func ("/devices/DEV-01-kinds", test_kinds);
  g_test_add_func ("/devices/DEV-01-memory-and-disks", test_kinds_of_memory_and_disks);
  g_test_add_func ("/devices/DEV-05-approved", test_approved);
  g_test_add_func ("/devices/DEV-05-approved-without-serial", test_approved_without_serial);
  g_test_add_func ("/devices/DEV-05-approved-made-up", test_approved_made_up);
  g_test_add_func ("/devices/DEV-01-disk-by-usb", test_disk_by_usb);
  g_test_add_func ("/devices/hostile", test_hostile);
  g_test_add_func ("/devices/long-names", test_long_names);
  g_test_add_func ("/devices/DEV-05-changes", test_changes);
  g_test_add_func ("/devices/again", test_again);
  g_test_add_func ("/devices/DEV-05-blind", test_blind);
  g_test_add_func ("/devices/what-a-caller-says", test_what_a_caller_says);
  g_test_add_func ("/devices/links", test_links);
  g_test_add_func ("/devices/record", test_record);
  g_test_add_func ("/devices/bounds", test_bounds);
  return g_test_run ();
}
