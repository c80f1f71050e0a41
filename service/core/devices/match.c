/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/devices/match.h"

#include "base/error.h"
#include "devices.h"

#include <string.h>

#define USB       "usb:"
#define PATH      "path:/dev/"
#define MAX_TEXT  512
#define MAX_PAIRS 8
#define WAYS_OUT                                                                                             \
  "; it is usb:VENDOR:PRODUCT[:SERIAL], path:/dev/NAME, properties of udev as KEY=VALUE,…, or one of gpu, "  \
  "sound, camera, input, serial, kvm, tun, fuse (\"bothy device list --host\" shows what there is)"

typedef gboolean (*IsOfClass) (const BothyHostDevice *host);

struct _BothyDeviceMatch {
  char *text;
  char *vendor, *product; /* NULL: not by USB's numbers */
  char *serial;           /* "": any */
  char *name;             /* NULL: not by its node */
  char **pairs;           /* NULL: not by properties */
  IsOfClass is_of_class;  /* NULL: not by class */
};

/* ---- classes ---- */

static gboolean
is_in (const BothyHostDevice *host, const char *subsystem)
{
  return g_str_equal (host->subsystem, subsystem);
}

static gboolean
is_gpu (const BothyHostDevice *host)
{
  return is_in (host, "drm") && g_str_has_prefix (host->name, "dri/");
}

static gboolean
is_sound (const BothyHostDevice *host)
{
  return is_in (host, "sound");
}

static gboolean
is_camera (const BothyHostDevice *host)
{
  return is_in (host, "video4linux") || is_in (host, "media");
}

static gboolean
is_input (const BothyHostDevice *host)
{
  return is_in (host, "input");
}

static gboolean
is_serial (const BothyHostDevice *host)
{
  return is_in (host, "tty") && device_is_serial (host->name);
}

static gboolean
is_misc (const BothyHostDevice *host, const char *name)
{
  return is_in (host, "misc") && g_str_equal (host->name, name);
}

static gboolean
is_kvm (const BothyHostDevice *host)
{
  return is_misc (host, "kvm");
}

static gboolean
is_tun (const BothyHostDevice *host)
{
  return is_misc (host, "net/tun");
}

static gboolean
is_fuse (const BothyHostDevice *host)
{
  return is_misc (host, "fuse");
}

static const struct {
  const char *name;
  IsOfClass has;
  gboolean shared;
} classes[] = {
  { "gpu", is_gpu, TRUE },      { "sound", is_sound, FALSE },   { "camera", is_camera, FALSE },
  { "input", is_input, FALSE }, { "serial", is_serial, FALSE }, { "kvm", is_kvm, TRUE },
  { "tun", is_tun, TRUE },      { "fuse", is_fuse, TRUE },
};

/* ---- what a user says ---- */

void
bothy_device_match_free (BothyDeviceMatch *self)
{
  g_free (self->text);
  g_free (self->vendor);
  g_free (self->product);
  g_free (self->serial);
  g_free (self->name);
  g_strfreev (self->pairs);
  g_free (self);
}

static gboolean
is_hexadecimal (const char *text)
{
  return strlen (text) == 4 && strspn (text, "0123456789abcdef") == 4;
}

static gboolean
parse_usb (BothyDeviceMatch *self, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", 3);

  if (g_strv_length (parts) < 2)
    return FALSE;
  self->vendor = g_ascii_strdown (parts[0], -1);
  self->product = g_ascii_strdown (parts[1], -1);
  self->serial = g_strdup (parts[2] ? parts[2] : "");
  self->text =
      g_strdup_printf (USB "%s:%s%s%s", self->vendor, self->product, *self->serial ? ":" : "", self->serial);
  return is_hexadecimal (self->vendor) && is_hexadecimal (self->product) && (!parts[2] || *self->serial);
}

static gboolean
is_pair (const char *pair)
{
  gsize key = strspn (pair, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

  return key > 0 && pair[key] == '=' && pair[key + 1] != '\0' && !device_property_is_passing (pair);
}

static gboolean
parse_pairs (BothyDeviceMatch *self, const char *text)
{
  self->pairs = g_strsplit (text, ",", -1);
  self->text = g_strdup (text);
  for (char **pair = self->pairs; *pair; pair++) {
    if (!is_pair (*pair))
      return FALSE;
  }
  return g_strv_length (self->pairs) <= MAX_PAIRS;
}

static gboolean
parse_class (BothyDeviceMatch *self, const char *text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++) {
    if (!g_str_equal (text, classes[i].name))
      continue;
    self->is_of_class = classes[i].has;
    self->text = g_strdup (text);
    return TRUE;
  }
  return FALSE;
}

static gboolean
parse_any (BothyDeviceMatch *self, const char *text)
{
  if (g_str_has_prefix (text, USB))
    return parse_usb (self, text + strlen (USB));
  if (g_str_has_prefix (text, "path:")) {
    if (!g_str_has_prefix (text, PATH) || !device_name_is_valid (text + strlen (PATH)))
      return FALSE;
    self->name = g_strdup (text + strlen (PATH));
    self->text = g_strdup (text);
    return TRUE;
  }
  return strchr (text, '=') ? parse_pairs (self, text) : parse_class (self, text);
}

/* It is shown, and it stands on one line of a record. */
static gboolean
is_readable (const char *text)
{
  for (const char *c = text; *c; c++)
    if ((guchar)*c < 0x20 || *c == 0x7f)
      return FALSE;
  return *text && strlen (text) <= MAX_TEXT && g_utf8_validate (text, -1, NULL);
}

BothyDeviceMatch *
bothy_device_match_parse (const char *text, GError **error)
{
  g_autoptr (BothyDeviceMatch) self = g_new0 (BothyDeviceMatch, 1);
  g_autofree char *shown = g_strescape (text, NULL);

  if (is_readable (text) && parse_any (self, text))
    return g_steal_pointer (&self);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "\"%.80s\" says of no device which it is%s",
               shown, WAYS_OUT);
  return NULL;
}

const char *
bothy_device_match_text (const BothyDeviceMatch *self)
{
  return self->text;
}

gboolean
bothy_device_match_has (const BothyDeviceMatch *self, const BothyHostDevice *host)
{
  if (self->vendor)
    return g_str_equal (self->vendor, host->vendor) && g_str_equal (self->product, host->product) &&
           (!*self->serial || g_str_equal (self->serial, host->serial));
  if (self->name)
    return g_str_equal (self->name, host->name);
  if (self->is_of_class)
    return self->is_of_class (host);
  for (char **pair = self->pairs; *pair; pair++)
    if (!g_strv_contains ((const char *const *)host->properties, *pair))
      return FALSE;
  return TRUE;
}

/* ---- what may be done with a device of the machine's ---- */

BothyDeviceKind
bothy_device_kind (const BothyHostDevice *host)
{
  static const char *const own[] = { "drm", "sound",   "video4linux", "media", "input", "tty", "hidraw",
                                     "usb", "usbmisc", "dvb",         "cec",   "lirc",  NULL };

  if (host->is_block || device_is_never (host->subsystem, host->name, host->major))
    return BOTHY_DEVICE_NEVER;
  if (g_strv_contains (own, host->subsystem) || is_kvm (host) || is_tun (host) || is_fuse (host))
    return BOTHY_DEVICE_OWN;
  return BOTHY_DEVICE_ASK;
}

gboolean
bothy_device_is_made_up (const BothyHostDevice *host)
{
  return g_str_has_prefix (host->path, "/devices/virtual/input/") || strstr (host->path, "/uhid/") != NULL;
}

gboolean
bothy_device_has_disk (const BothyHostDevice *host, GPtrArray *hosts)
{
  g_autofree char *below = is_in (host, "usb") ? g_strconcat (host->path, "/", NULL) : NULL;

  for (guint i = 0; below && i < hosts->len; i++) {
    const BothyHostDevice *other = hosts->pdata[i];

    if (other->is_block && g_str_has_prefix (other->path, below))
      return TRUE;
  }
  return FALSE;
}

gboolean
bothy_device_is_shared (const BothyHostDevice *host)
{
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    if (classes[i].shared && classes[i].has (host))
      return TRUE;
  return FALSE;
}

const char *
bothy_device_class (const BothyHostDevice *host)
{
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    if (classes[i].has (host))
      return classes[i].name;
  if (is_in (host, "hidraw"))
    return "hid";
  return is_in (host, "usb") ? "usb" : "";
}

char *
bothy_device_identity (const BothyHostDevice *host)
{
  if (*host->vendor && *host->serial)
    return g_strdup_printf (USB "%s:%s:%s", host->vendor, host->product, host->serial);
  if (*host->vendor)
    return g_strdup_printf (USB "%s:%s@%s", host->vendor, host->product,
                            *host->port ? host->port : host->path);
  return g_strdup_printf ("at:%s", host->path);
}

gboolean
bothy_device_is_approved (const char *const *approved, const BothyHostDevice *host)
{
  g_autofree char *identity = bothy_device_identity (host);

  if (bothy_device_is_made_up (host))
    return FALSE;
  for (; approved && *approved; approved++) {
    gsize length = strlen (*approved);

    if (g_str_equal (*approved, identity) ||
        (g_str_has_prefix (*approved, USB) && length == strlen (USB "0000:0000") &&
         strncmp (*approved, identity, length) == 0))
      return TRUE;
  }
  return FALSE;
}
