/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzzes what takes an a{sv} apart, with serialized bytes as GDBus would hand them on. */
#include <stdint.h>
#include <stdlib.h>
#include <gio/gio.h>

#include "bus/options.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
parse (GVariant *options)
{
  gboolean flag = FALSE;
  guint32 number = 0;
  g_autofree char *text = NULL;
  g_auto (GStrv) words = NULL;
  g_autoptr (GVariant) handles = NULL;
  const BothyOption table[] = {
    { "flag", "b", &flag },    { "number", "u", &number },    { "text", "s", &text },
    { "words", "as", &words }, { "handles", "ah", &handles }, { NULL },
  };
  g_autoptr (GError) error = NULL;

  if (bothy_options_parse (options, table, &error) == (error != NULL))
    abort ();
  if (error && !g_utf8_validate (error->message, -1, NULL))
    abort ();
  if (text && !g_utf8_validate (text, -1, NULL))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  /* GVariant wants its bytes aligned. */
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GVariant) raw = g_variant_new_from_bytes (G_VARIANT_TYPE_VARDICT, bytes, FALSE);
  g_autoptr (GVariant) normal = g_variant_get_normal_form (raw);

  parse (raw);
  parse (normal);
  return 0;
}
