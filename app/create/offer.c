/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "offer.h"

#include <glib/gi18n.h>
#include <string.h>

#include "../words.h"

struct _AppOffer {
  GObject parent_instance;

  char *reference;
  char *title;
  char *detail;
  char *badge;
  char *searched; /* title and detail in small letters */
  gboolean here;
  gboolean is_signed;
};

G_DEFINE_FINAL_TYPE (AppOffer, app_offer, G_TYPE_OBJECT)

/* Takes the texts. */
static AppOffer *
offer_new (char *reference, char *title, char *detail, const char *badge)
{
  AppOffer *self = g_object_new (APP_TYPE_OFFER, NULL);
  g_autofree char *all = g_strconcat (reference, " ", title, " ", detail, NULL);

  self->reference = reference;
  self->title = title;
  self->detail = detail;
  self->badge = g_strdup (badge);
  self->searched = g_utf8_casefold (all, -1);
  return self;
}

char *
app_offer_name_image (AppObject *image)
{
  g_auto (GStrv) aliases = app_object_texts (image, "Aliases");
  const char *origin = app_object_text (image, "Origin");

  if (aliases[0])
    return g_strdup (aliases[0]);
  /* One that came from a server is called REMOTE:NAME or HOST/NAME:TAG. */
  return strpbrk (origin, ":/") ? g_strdup (origin) : g_strndup (app_object_text (image, "Fingerprint"), 12);
}

AppOffer *
app_offer_new_image (AppObject *image)
{
  const char *fingerprint = app_object_text (image, "Fingerprint");
  const char *verified = app_object_text (image, "Verified");
  gboolean built_in = g_str_equal (app_object_text (image, "Origin"), "builtin");
  g_autofree char *size = g_format_size (app_object_number (image, "Size"));
  char *title = app_offer_name_image (image);
  char *detail = g_strjoin (
      " · ", size, built_in ? _ ("Comes with Bothy") : app_object_text (image, "Architecture"), NULL);
  AppOffer *self =
      offer_new (g_strdup (fingerprint), title, detail, built_in ? "" : app_words_verified (verified));

  self->here = TRUE;
  self->is_signed = g_str_has_prefix (verified, "signature:");
  return self;
}

/* "Debian 13 · cloud · supported until 2028-06-30" */
static char *
found_detail (GVariant *found, const char *remote)
{
  const char *os = "", *release = "", *variant = "", *end = "";
  guint64 size = 0;
  g_autoptr (GString) text = g_string_new (NULL);

  g_variant_lookup (found, "os", "&s", &os);
  g_variant_lookup (found, "release", "&s", &release);
  g_variant_lookup (found, "variant", "&s", &variant);
  g_variant_lookup (found, "support-end", "&s", &end);
  g_variant_lookup (found, "size", "t", &size);
  g_string_append_printf (text, "%s %s", os, release);
  if (variant[0] && !g_str_equal (variant, "default"))
    g_string_append_printf (text, " · %s", variant);
  if (size) {
    g_autofree char *shown = g_format_size (size);

    g_string_append_printf (text, " · %s", shown);
  }
  if (end[0])
    /* Translators: a date, such as 2028-06-30. */
    g_string_append_printf (text, _ (" · supported until %s"), end);
  g_string_append_printf (text, " · %s", remote);
  g_strstrip (text->str);
  return g_strdup (text->str);
}

AppOffer *
app_offer_new_found (GVariant *found)
{
  g_autofree const char **aliases = NULL;
  const char *remote = "", *product = "", *key = "", *name;
  AppOffer *self;

  g_variant_lookup (found, "remote", "&s", &remote);
  g_variant_lookup (found, "product", "&s", &product);
  g_variant_lookup (found, "key", "&s", &key);
  g_variant_lookup (found, "aliases", "^a&s", &aliases);
  name = aliases && aliases[0] ? aliases[0] : product;
  /* Of debian/trixie/default, debian/trixie and debian/13 people say the shortest. */
  for (gsize i = 0; aliases && aliases[i]; i++)
    name = strlen (aliases[i]) < strlen (name) ? aliases[i] : name;
  if (name[0] == '\0')
    return NULL;
  self = offer_new (g_strdup_printf ("%s:%s", remote, name), g_strdup (name), found_detail (found, remote),
                    key[0] ? _ ("Signed") : _ ("Checksum"));
  self->is_signed = key[0] != '\0';
  return self;
}

AppOffer *
app_offer_new_typed (const char *text)
{
  const char *slash = strchr (text, '/');
  g_autofree char *host = slash ? g_strndup (text, (gsize)(slash - text)) : NULL;

  if (host == NULL || slash[1] == '\0' || strpbrk (text, " \t") ||
      !(strpbrk (host, ".:") || g_str_equal (host, "localhost")))
    return NULL;
  return offer_new (g_strdup (text), g_strdup (text), g_strdup_printf (_ ("From the registry %s"), host), "");
}

const char *
app_offer_get_reference (AppOffer *self)
{
  return self->reference;
}

gboolean
app_offer_is_here (AppOffer *self)
{
  return self->here;
}

const char *
app_offer_get_title (AppOffer *self)
{
  return self->title;
}

const char *
app_offer_get_detail (AppOffer *self)
{
  return self->detail;
}

const char *
app_offer_get_badge (AppOffer *self)
{
  return self->badge;
}

gboolean
app_offer_is_signed (AppOffer *self)
{
  return self->is_signed;
}

gboolean
app_offer_matches (AppOffer *self, const char *search)
{
  g_autofree char *folded = g_utf8_casefold (search, -1);
  g_auto (GStrv) words = g_strsplit (folded, " ", -1);

  for (gsize i = 0; words[i]; i++)
    if (strstr (self->searched, words[i]) == NULL)
      return FALSE;
  return TRUE;
}

char *
app_offer_plain_name (const char *text)
{
  g_autofree char *lower = g_utf8_strdown (text, -1);
  gsize length;

  g_strcanon (lower, "abcdefghijklmnopqrstuvwxyz0123456789-", '-');
  length = MIN (strlen (lower), 40);
  while (length > 0 && lower[length - 1] == '-')
    length--;
  lower[length] = '\0';
  return g_strdup (lower + strspn (lower, "-"));
}

char *
app_offer_dup_name (AppOffer *self)
{
  const char *last =
      strrchr (self->title, '.') && strchr (self->title, '/') ? strrchr (self->title, '/') + 1 : self->title;
  g_autofree char *name = app_offer_plain_name (last);

  return g_strdup (name[0] ? name : "container");
}

static void
app_offer_finalize (GObject *object)
{
  AppOffer *self = APP_OFFER (object);

  g_free (self->reference);
  g_free (self->title);
  g_free (self->detail);
  g_free (self->badge);
  g_free (self->searched);
  G_OBJECT_CLASS (app_offer_parent_class)->finalize (object);
}

static void
app_offer_class_init (AppOfferClass *class)
{
  G_OBJECT_CLASS (class)->finalize = app_offer_finalize;
}

static void
app_offer_init (AppOffer *self)
{
}
