/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/adopt/plan.h"

#include "base/error.h"

#include <string.h>

#define MAX_SHOWN 200

static const char *const kinds[] = { [BOTHY_ADOPT_DIRECTORY] = "dir",
                                     [BOTHY_ADOPT_LXC] = "lxc",
                                     [BOTHY_ADOPT_NSPAWN] = "nspawn",
                                     [BOTHY_ADOPT_INCUS] = "incus" };
static const char *const outcomes[] = {
  [BOTHY_ADOPT_KEPT] = "kept", [BOTHY_ADOPT_CHANGED] = "changed", [BOTHY_ADOPT_DROPPED] = "dropped"
};

const char *
bothy_adopt_kind_name (BothyAdoptKind kind)
{
  return kinds[kind];
}

gboolean
bothy_adopt_kind_parse (const char *text, BothyAdoptKind *ret_kind, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (g_str_equal (text, kinds[i])) {
      *ret_kind = (BothyAdoptKind)i;
      return TRUE;
    }
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Kind: one of dir, lxc, nspawn and incus is wanted");
  return FALSE;
}

const char *
bothy_adopt_outcome_name (BothyAdoptOutcome outcome)
{
  return outcomes[outcome];
}

static void
line_free (gpointer data)
{
  BothyAdoptLine *line = data;

  g_free (line->key);
  g_free (line->value);
  g_free (line->text);
  g_free (line);
}

void
bothy_adopt_plan_free (BothyAdoptPlan *self)
{
  g_hash_table_unref (self->last);
  g_ptr_array_unref (self->lines);
  g_clear_pointer (&self->spec, bothy_container_spec_free);
  g_free (self->tree);
  g_free (self);
}

void
bothy_adopt_plan_add (
    BothyAdoptPlan *self, const char *key, const char *value, BothyAdoptOutcome outcome, char *text)
{
  BothyAdoptLine *line = g_new0 (BothyAdoptLine, 1);

  line->key = g_strdup (key);
  line->value = g_strdup (value);
  line->outcome = outcome;
  line->text = text;
  g_ptr_array_add (self->lines, line);
  g_hash_table_replace (self->last, line->key, line->value);
}

const char *
bothy_adopt_plan_find (const BothyAdoptPlan *self, const char *key)
{
  return g_hash_table_lookup (self->last, key);
}

/* A container about which nothing was said. */
static BothyContainerSpec *
new_spec (const char *name)
{
  static const char *const none[] = { NULL };
  BothyContainerSpec *spec = g_new0 (BothyContainerSpec, 1);

  spec->name = g_strdup (name);
  spec->image = g_strdup ("");
  spec->hostname = g_strdup (name);
  spec->command = g_new0 (char *, 1);
  spec->environment = g_new0 (char *, 1);
  spec->sysctls = g_new0 (char *, 1);
  spec->user = g_strdup ("");
  spec->working_directory = g_strdup ("");
  spec->account = g_strdup ("");
  spec->network = bothy_container_network_parse ("nat", "", none, NULL);
  return spec;
}

static void
read_lines (BothyAdoptPlan *self, const char *configuration)
{
  g_auto (GStrv) lines = g_strsplit (configuration, "\n", -1);

  for (char **line = lines; *line; line++) {
    char *equals = strchr (*line, '=');

    if (!equals)
      continue;
    *equals = '\0';
    bothy_adopt_plan_add (self, *line, equals + 1, BOTHY_ADOPT_DROPPED, NULL);
  }
}

BothyAdoptPlan *
bothy_adopt_plan_new (BothyAdoptKind kind, const char *name, const char *configuration)
{
  BothyAdoptPlan *self = g_new0 (BothyAdoptPlan, 1);

  self->kind = kind;
  self->lines = g_ptr_array_new_with_free_func (line_free);
  self->last = g_hash_table_new (g_str_hash, g_str_equal);
  self->spec = new_spec (name);
  if (configuration)
    read_lines (self, configuration);
  return self;
}

char *
bothy_adopt_shorten (const char *text)
{
  return g_utf8_make_valid (text, (gssize)MIN (strlen (text), MAX_SHOWN));
}

GVariant *
bothy_adopt_plan_to_variant (const BothyAdoptPlan *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssss)"));
  for (guint i = 0; i < self->lines->len; i++) {
    const BothyAdoptLine *line = self->lines->pdata[i];

    g_variant_builder_add (&builder, "(ssss)", line->key, line->value, outcomes[line->outcome], line->text);
  }
  return g_variant_builder_end (&builder);
}
