/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ARG-03: an option that is not understood is refused by name, never passed over. */

#include "bus/options.h"
#include "base/error.h"

#include <gio/gio.h>
#include <string.h>

typedef struct {
  gboolean flag;
  guint32 number;
  char *text;
  char **words;
  GVariant *handles;
  char *bytes;
  char **byte_words;
} Values;

static void
values_clear (Values *values)
{
  g_free (values->text);
  g_strfreev (values->words);
  g_clear_pointer (&values->handles, g_variant_unref);
  g_free (values->bytes);
  g_strfreev (values->byte_words);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Values, values_clear)

static gboolean
parse (GVariant *options, Values *values, GError **error)
{
  const BothyOption table[] = {
    { "flag", "b", &values->flag },
    { "number", "u", &values->number },
    { "text", "s", &values->text },
    { "words", "as", &values->words },
    { "handles", "ah", &values->handles },
    { "bytes", BOTHY_OPTION_BYTES, &values->bytes },
    { "byte-words", BOTHY_OPTION_WORDS, &values->byte_words },
    { NULL },
  };
  g_autoptr (GVariant) owned = g_variant_ref_sink (options);

  return bothy_options_parse (owned, table, error);
}

static void
refuse (GVariant *options, const char *named)
{
  g_auto (Values) values = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (parse (options, &values, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
  if (!strstr (error->message, named))
    g_error ("\"%s\" does not name %s", error->message, named);
  g_assert_cmpuint (strlen (error->message), <, 1024);
}

static GVariant *
text_to_options (const char *text)
{
  g_autoptr (GError) error = NULL;
  GVariant *options = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return options;
}

static void
test_taken (void)
{
  g_auto (Values) values = { .number = 7 };
  g_autoptr (GError) error = NULL;

  g_assert_true (parse (text_to_options ("@a{sv} {}"), &values, &error));
  g_assert_true (!values.flag && values.number == 7 && !values.text && !values.words && !values.handles);
  g_assert_true (parse (text_to_options ("{'flag': <true>, 'number': <uint32 4294967295>, 'text': <''>, "
                                         "'words': <['a', 'b']>, 'handles': <[handle 0]>}"),
                        &values, &error));
  g_assert_no_error (error);
  g_assert_true (values.flag);
  g_assert_cmpuint (values.number, ==, G_MAXUINT32);
  g_assert_cmpstr (values.text, ==, "");
  g_assert_cmpuint (g_strv_length (values.words), ==, 2);
  g_assert_cmpuint (g_variant_n_children (values.handles), ==, 1);
}

static void
test_unknown (void)
{
  refuse (text_to_options ("{'nothing': <true>}"), "\"nothing\"");
  refuse (text_to_options ("{'flag': <true>, 'Flag': <true>}"), "\"Flag\"");
  refuse (text_to_options ("{'flags': <true>}"), "\"flags\"");
  refuse (text_to_options ("{'': <true>}"), "\"\"");
  refuse (text_to_options ("{'flag ': <true>}"), "\"flag \"");
  refuse (text_to_options ("{'a\\u202eb\\n': <true>}"), "\\342\\200\\256");
}

static void
test_type (void)
{
  refuse (text_to_options ("{'flag': <1>}"), "\"flag\"");
  refuse (text_to_options ("{'flag': <'true'>}"), "\"flag\"");
  refuse (text_to_options ("{'number': <1>}"), "\"number\"");
  refuse (text_to_options ("{'number': <int64 1>}"), "\"number\"");
  refuse (text_to_options ("{'number': <uint64 4294967296>}"), "\"number\"");
  refuse (text_to_options ("{'number': <true>}"), "\"number\"");
  refuse (text_to_options ("{'text': <objectpath '/'>}"), "\"text\"");
  refuse (text_to_options ("{'text': <b'x'>}"), "\"text\"");
  refuse (text_to_options ("{'text': <<'x'>>}"), "\"text\"");
  refuse (text_to_options ("{'words': <'a'>}"), "\"words\"");
  refuse (text_to_options ("{'words': <@aas [[]]>}"), "\"words\"");
  refuse (text_to_options ("{'handles': <[0]>}"), "\"handles\"");
  refuse (text_to_options ("{'handles': <handle 0>}"), "\"handles\"");
}

static void
test_twice (void)
{
  refuse (text_to_options ("[{'flag', <true>}, {'flag', <false>}]"), "\"flag\"");
  refuse (text_to_options ("[{'text', <'a'>}, {'number', <uint32 1>}, {'text', <'b'>}]"), "\"text\"");
  refuse (text_to_options ("[{'words', <['a']>}, {'words', <['a']>}]"), "\"words\"");
  refuse (text_to_options ("[{'handles', <[handle 0]>}, {'handles', <[handle 0]>}]"), "\"handles\"");
}

static void
test_nested (void)
{
  GVariant *value = g_variant_new_boolean (TRUE);
  GVariantDict dict;

  for (guint i = 0; i < 64; i++)
    value = g_variant_new_variant (value);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "flag", value);
  refuse (g_variant_dict_end (&dict), "\"flag\"");
}

static void
test_many (void)
{
  GVariantBuilder unknown, twice;
  g_autofree char *large = g_strnfill (1024 * 1024, 'k');

  g_variant_builder_init (&unknown, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&twice, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < 100000; i++) {
    g_autofree char *key = g_strdup_printf ("key%u", i);

    g_variant_builder_add (&unknown, "{sv}", key, g_variant_new_boolean (TRUE));
    g_variant_builder_add (&twice, "{sv}", "flag", g_variant_new_boolean (TRUE));
  }
  refuse (g_variant_builder_end (&unknown), "\"key0\"");
  refuse (g_variant_builder_end (&twice), "\"flag\"");
  g_variant_builder_init (&unknown, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&unknown, "{sv}", large, g_variant_new_boolean (TRUE));
  refuse (g_variant_builder_end (&unknown), "\"kkkk");
}

/* What goes to a program need not be UTF-8, and is no longer than it says. */
static void
test_bytes (void)
{
  static const char *const refused[] = { "{'bytes': <[byte 0x61, 0, 0x62]>}",
                                         "{'bytes': <['a']>}",
                                         "{'byte-words': <[[byte 0x61], [byte 0, 0]]>}",
                                         "{'byte-words': <b'a'>}",
                                         "{'words': <[b'a']>}",
                                         "{'text': <b'a'>}" };
  g_auto (Values) bytes = { 0 };
  g_auto (Values) texts = { 0 };

  g_assert_true (parse (text_to_options ("{'bytes': <[byte 0xff]>, "
                                         "'byte-words': <[[byte 0xfe, 0], [byte 0x61], @ay [], [byte 0]]>}"),
                        &bytes, NULL));
  g_assert_cmpstr (bytes.bytes, ==, "\xff");
  g_assert_cmpuint (g_strv_length (bytes.byte_words), ==, 4);
  g_assert_cmpstr (bytes.byte_words[0], ==, "\xfe");
  g_assert_cmpstr (bytes.byte_words[1], ==, "a");
  g_assert_cmpstr (bytes.byte_words[2], ==, "");
  g_assert_cmpstr (bytes.byte_words[3], ==, "");
  g_assert_true (parse (text_to_options ("{'bytes': <'x'>, 'byte-words': <['y', '']>}"), &texts, NULL));
  g_assert_cmpstr (texts.bytes, ==, "x");
  g_assert_cmpstr (texts.byte_words[0], ==, "y");
  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    refuse (text_to_options (refused[i]), strstr (refused[i], "byte-words") ? "byte-words" : "\"");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/ARG-03-taken", test_taken);
  g_test_add_func ("/options/ARG-03-unknown", test_unknown);
  g_test_add_func ("/options/ARG-03-type", test_type);
  g_test_add_func ("/options/ARG-03-twice", test_twice);
  g_test_add_func ("/options/ARG-03-nested", test_nested);
  g_test_add_func ("/options/ARG-03-many", test_many);
  g_test_add_func ("/options/ARG-01-bytes", test_bytes);
  return g_test_run ();
}
